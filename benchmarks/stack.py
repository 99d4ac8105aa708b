"""A stack for a benchmark: started so that a busy machine does not stop it, and described for the line of output."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from headrace.local.dev_child import DevStack, running_dev
from headrace.local.errors import LocalStackError
from headrace.runtime.settings import Settings
from headrace.shard.topics import read_namespace, with_recorded

CHECKOUT = Path(__file__).resolve().parents[1]
_APPS = ("benchmarks.app", *(f"benchmarks/{name}.yaml" for name in ("steps", "fanout", "chain", "park")))
# Tasks that do nothing: what a worker can hold should not be the limit.
_SLOTS = 100
# What the environment says wins over these. Nobody waits at the screen, and the machine may be busy with other things.
_PATIENCE = {"HEADRACE_LOCAL_READY_TIMEOUT_S": "300"}
_ATTEMPTS = 3
# The stack's own, or secret.
_UNSAID = ("KAFKA", "API", "POSTGRES", "POSTGRES_READER", "STATE", "SCHEMA_REGISTRY", "READY_FILE")
_SECRET = ("PASSWORD", "SECRET", "TOKEN", "CREDENTIAL", "KEY", "USERNAME", "JAAS")


@contextmanager
def bench_stack(durability: str, say: Callable[[str], None]) -> Iterator[DevStack]:
    """Run a stack of its own inside the `with` block, in a folder that is removed after it.

    `HEADRACE_*` settings of the environment reach its services as they reach those of `headrace dev`.

    Raises:
        LocalStackError: it did not start in three attempts.
    """
    os.chdir(CHECKOUT)  # `python -m` finds the app here
    environment = {
        **{name: text for name, text in _PATIENCE.items() if name not in os.environ},
        "HEADRACE_LOCAL_DURABILITY": durability,
    }
    with ExitStack() as cleanup:
        for attempt in range(1, _ATTEMPTS + 1):
            folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="headrace-bench-"))
            say(f"starting a stack ({durability}) in {folder}")
            running = running_dev(Path(folder), apps=_APPS, slots=_SLOTS, environment=environment, say=say)
            try:
                stack = cleanup.enter_context(running)
                break
            except LocalStackError as error:
                if attempt == _ATTEMPTS:
                    raise
                say(f"it did not start, trying again: {error}")
        yield stack


def recorded_settings(settings: Settings) -> Settings:
    """Return settings with the shard counts of the stack's namespace."""
    recorded = read_namespace(settings)
    assert recorded is not None, f"Expected namespace {settings.namespace} to be made, but it is not"
    return with_recorded(settings, recorded)


def circumstances(settings: Settings, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what a reader of the figures should know: the shards, what else the environment sets, the machine."""
    return {
        "settings": {
            "decision_shards": settings.decision_shards,
            "dispatcher_shards": settings.dispatcher_shards,
            "slots": _SLOTS,
            **{name: text for name, text in sorted(environment.items()) if _is_told(name)},
        },
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
    }


def _is_told(name: str) -> bool:
    rest = name.removeprefix("HEADRACE_")
    return rest != name and rest not in _UNSAID and not any(word in rest for word in _SECRET)
