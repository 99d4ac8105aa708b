"""A command that cannot be done: an event says so, and nothing changes."""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.wait_events import CommandRefused
from headrace.engine.context import Context
from headrace.engine.state import ShardState

NOT_FOUND = "headrace.NotFound"
NOT_RUNNING = "headrace.NotRunning"


def refusal(context: Context, command: Message, error: str, cause: str, now_ms: int) -> CommandRefused:
    """Return the event that refuses a command to a workflow."""
    return CommandRefused(
        workflow_id=command.workflow_id,  # type: ignore[attr-defined]
        command_id=command.command_id,  # type: ignore[attr-defined]
        command=command.type_name(),
        error=error,
        cause=context.cut(cause),
        at=now_ms,
    )


def no_open_run(context: Context, state: ShardState, command: Message, now_ms: int) -> CommandRefused:
    """Refuse a command to a workflow that has no open run: it has ended, or nobody knows it."""
    error, cause = why_not_open(state, command.workflow_id)  # type: ignore[attr-defined]
    return refusal(context, command, error, cause, now_ms)


def why_not_open(state: ShardState, workflow_id: str) -> tuple[str, str]:
    """Return error and cause for a workflow that has no open run."""
    closed = state.closed.get(workflow_id)
    if closed is None:
        return NOT_FOUND, f"Expected a workflow that is running, but {workflow_id} is not known; look for its id"
    return NOT_RUNNING, f"Expected a workflow that is running, but {workflow_id} has ended as {closed.status}"
