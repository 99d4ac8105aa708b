"""TaskCancelled: a run gave a step up, whichever attempt it is at."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskCancelled
from headrace_execution.dispatcher.decide.dropping import drop
from headrace_execution.dispatcher.round import Round


def task_cancelled(round_: Round, event: TaskCancelled) -> Iterator[Message]:
    """Drop what waits and stop what runs."""
    for key in [key for key in round_.fresh if key[0] == event.run_id and key[1] == event.step]:
        del round_.fresh[key]
    for key in sorted(round_.state.runs.get(event.run_id, {}).get(event.step, ())):
        yield from drop(round_, round_.state.open[key], "ended")
