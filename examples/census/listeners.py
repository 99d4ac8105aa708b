"""An account of what was slow or failed: one line for each such task, appended to a file.

`CENSUS_ACCOUNT` names the file, `CENSUS_SLOW_MS` says what slow is. A listener is called at least once for an event, so
after a crash a line may stand there twice; it begins with workflow, node, index and attempt, which tell.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from headrace import listener
from headrace.authoring.event import Event

# A part takes about a third of a second alone, and four share the cores.
DEFAULT_SLOW_MS = 1500
DEFAULT_ACCOUNT = ".headrace/census-account.log"


@listener(
    events=["TaskSucceeded", "TaskFailed", "TaskTimedOut"],
    where="$event.queue = 'census'",
)
def account(event: Event) -> None:
    """Append a line when a task failed, timed out or was slow."""
    line = account_line(event, slow_ms=int(os.environ.get("CENSUS_SLOW_MS", DEFAULT_SLOW_MS)))
    if line is None:
        return
    path = Path(os.environ.get("CENSUS_ACCOUNT", DEFAULT_ACCOUNT))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def account_line(event: Event, *, slow_ms: int) -> str | None:
    """Return the line for an event, or None when there is nothing to tell."""
    where = f"{event.workflow_id} {event.node}[{event.index}] attempt {event.attempt}"
    match event.type:
        case "TaskFailed":
            told = f"failed: {event.error}: {_first_line(event.cause)}"
        case "TaskTimedOut":
            told = f"timed out: {event.timeout}"
        case "TaskSucceeded" if event.ended_at - event.started_at >= slow_ms:
            told = f"slow: {event.ended_at - event.started_at} ms on {event.worker}"
        case _:
            return None
    return f"{where} {told} (at {datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec='milliseconds')})"


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "no cause given"
