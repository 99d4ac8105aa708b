"""Writes `docs/settings.md` from the code: `python -m headrace.runtime.settings_page docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Meta

from headrace.local.settings import PREFIX as LOCAL_PREFIX
from headrace.local.settings import LocalSettings
from headrace.runtime.decision_settings import DecisionSettings
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import PREFIX, Settings
from headrace.runtime.status_settings import StatusSettings

_INTRODUCTION = """\
# Settings

This page is made from the code by `python -m headrace.runtime.settings_page docs/settings.md`; a test holds it current.
Every setting is an environment variable. A value that does not fit ends the process with a text that names the
variable. Where `HEADRACE_KAFKA` is not set, the addresses come from the `dev.json` of a running `headrace dev` in
`HEADRACE_STATE`.
"""
_KAFKA_CONFIG = f"""\
## Options of the Kafka clients

`{PREFIX}KAFKA_CONFIG_*` goes to librdkafka as it is, in every client of every service, the CLI and the SDK: the rest
of the name in lower case, with dots for underscores. Security is set that way:

    {PREFIX}KAFKA_CONFIG_SECURITY_PROTOCOL=SASL_SSL
    {PREFIX}KAFKA_CONFIG_SASL_MECHANISM=SCRAM-SHA-512
    {PREFIX}KAFKA_CONFIG_SASL_USERNAME=...
    {PREFIX}KAFKA_CONFIG_SASL_PASSWORD=...
    {PREFIX}KAFKA_CONFIG_SSL_CA_LOCATION=/etc/ssl/kafka-ca.pem
"""
_OTHERS = (
    ("HEADRACE_LOG_LEVEL", "INFO", "Level of the services' logs, which are JSON lines on stderr."),
    ("HEADRACE_READY_FILE", "", "File that a service touches when it is ready; whoever starts it watches for it."),
    ("HEADRACE_TRACE_FILE", "", "File of spans, one JSON line each, when `OTEL_TRACES_EXPORTER` is `headrace_file`."),
    ("OTEL_TRACES_EXPORTER", "", "`otlp`, `console`, `headrace_file` or `none`; unset and without endpoint: off."),
    ("OTEL_METRICS_EXPORTER", "", "`otlp`, `console` or `none`; unset and without endpoint: off."),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where `otlp` sends to (HTTP); alone it turns traces and metrics on."),
    (
        "OTEL_SERVICE_NAME",
        "",
        "Name of the service in traces and metrics; unset it is the service's own: `decision`, ...",
    ),
    ("OTEL_SDK_DISABLED", "", "`true` turns all telemetry off."),
)


def settings_page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## All services\n"
    yield from _table(PREFIX, Settings)
    yield ""
    yield _KAFKA_CONFIG
    yield "## Logs, readiness, telemetry\n"
    yield from _rows(_OTHERS)
    yield "\nThe other `OTEL_*` variables of the OpenTelemetry SDK (sampler, headers, batch sizes) hold as they are.\n"
    yield "## The decision service\n"
    yield from _table(DecisionSettings.PREFIX, DecisionSettings)
    yield ""
    yield "## Dispatcher and workers\n"
    yield from _table(ExecutionSettings.PREFIX, ExecutionSettings)
    yield ""
    yield "## The event listener\n"
    yield from _table(ListenerSettings.PREFIX, ListenerSettings)
    yield ""
    yield "## The status query service\n"
    yield from _table(StatusSettings.PREFIX, StatusSettings)
    yield ""
    yield "## The local stack (`headrace dev`)\n"
    yield from _table(LOCAL_PREFIX, LocalSettings)


def _table(prefix: str, settings: type[msgspec.Struct]) -> Iterator[str]:
    hints = get_type_hints(settings, include_extras=True)
    found = []
    for field in msgspec.structs.fields(settings):
        if field.name == "kafka_config":
            continue
        found.append((prefix + field.name.upper(), _default(field), _description(hints[field.name])))
    yield from _rows(found)


def _rows(rows: Any) -> Iterator[str]:
    yield "| variable | default | what and why |"
    yield "|---|---|---|"
    for name, default, text in rows:
        yield f"| `{name}` | {f'`{default}`' if default != '' else ''} | {text.replace('|', chr(92) + '|')} |"


def _default(field: Any) -> str:
    if field.default is msgspec.NODEFAULT:
        return ""
    return str(field.default)


def _description(hint: Any) -> str:
    """Return the description and the bounds of a field."""
    text, bounds = "", ""
    for extra in get_args(hint)[1:]:
        if isinstance(extra, Meta):
            text = extra.description or text
            limits = [("at least", extra.ge), ("at most", extra.le)]
            bounds = ", ".join(f"{word} {value}" for word, value in limits if value is not None) or bounds
    return f"{text} ({bounds})" if bounds else text


def main() -> None:
    """Write the page to the file that the command line names, or to stdout."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(settings_page(), encoding="utf-8")
    else:
        sys.stdout.write(settings_page())


if __name__ == "__main__":
    main()
