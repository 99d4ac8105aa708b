"""WorkflowStuck, CommandHeld: results for a run wait, so their silence does not mean that they were not counted."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.workflow_events import CommandHeld, WorkflowStuck
from headrace_execution.dispatcher.round import Round


def run_stuck(round_: Round, event: WorkflowStuck | CommandHeld) -> Iterator[Message]:
    """Note the run, so that its finished tasks are not run again."""
    if event.run_id in round_.state.runs:
        round_.state.live.held[event.run_id] = None
    yield from ()
