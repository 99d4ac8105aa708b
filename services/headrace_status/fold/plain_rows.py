"""Records of plain topics: definitions, log lines, states of listeners."""

from __future__ import annotations

import msgspec

from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.log_lines import LogLine
from headrace.contracts.positions import ListenerState
from headrace_status.fold.changes import Append, Changes, Origin, Put
from headrace_status.fold.payload import json_text, plain


def definition(event: Definition, _origin: Origin) -> Changes:
    """One version of a definition."""
    values = {
        "program": event.program,
        "interpreter": event.interpreter,
        "source": event.source.decode("utf-8", "replace"),
        "options": json_text(event.options),
        "deployed_at": event.deployed_at,
        "file": event.file,
    }
    yield Put("definitions", (event.name, event.version), values)


def definition_latest(event: DefinitionLatest, _origin: Origin) -> Changes:
    """Which version a start without a version gets."""
    yield Put(
        "definition_latest",
        (event.name,),
        {"version": event.version, "deployed_at": event.deployed_at},
    )


def listener_state(event: ListenerState, _origin: Origin) -> Changes:
    """How a listener is doing."""
    values = {
        "kind": event.kind,
        "source": event.source,
        "consumer_group": event.group,
        "process": event.process,
        "positions": msgspec.json.encode(event.positions).decode(),
        "lag": event.lag,
        "handled": event.handled,
        "failures": event.failures,
        "dead_letters": event.dead_letters,
        "last_error": event.last_error,
        "last_error_at": event.last_error_at,
        "changed_at": event.at,
    }
    yield Put("listeners", (event.name,), values)


def log_line(event: LogLine, origin: Origin) -> Changes:
    """A line that a task or a service wrote."""
    row = (
        origin.partition,
        origin.offset,
        event.at,
        event.workflow_id,
        event.run_id,
        event.step,
        event.attempt,
        event.task,
        event.node,
        event.index,
        event.level,
        event.service,
        event.source,
        plain(event.message),
        event.trace,
        event.logger,
        json_text(event.fields.encode()),
    )
    yield Append("logs", row)
