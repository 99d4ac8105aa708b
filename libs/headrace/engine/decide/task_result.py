"""CompleteTask and FailTask: what a worker says of an attempt. Results are matched by run, step and attempt."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskSucceeded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.attempts import attempt_failed, io_of, lease_mark
from headrace.engine.run import SCHEDULED, TASK, OpenStep, Run
from headrace.engine.state import ShardState


def complete_task(context: Context, state: ShardState, command: CompleteTask, now_ms: int) -> Iterator[Message]:
    """Success of any assignment of the open attempt counts."""
    run = state.run_of(command.workflow_id, command.run_id)
    step = _open_attempt(run, command)
    if run is None or step is None:
        return
    yield TaskSucceeded(
        workflow_id=command.workflow_id,
        run_id=command.run_id,
        step=command.step,
        attempt=command.attempt,
        node=step.node,
        index=step.index,
        task=step.task,
        queue=step.queue,
        output=command.output,
        content_type=command.content_type,
        assignment=command.assignment,
        worker=command.worker,
        started_at=command.started_at,
        ended_at=command.ended_at,
        fencing_token=lease_mark(step),
        io=io_of(run, command.io),
        at=now_ms,
    )
    yield from advance(context, run, now_ms)


def fail_task(context: Context, state: ShardState, command: FailTask, now_ms: int) -> Iterator[Message]:
    """A failure counts unless a newer assignment is known."""
    run = state.run_of(command.workflow_id, command.run_id)
    step = _open_attempt(run, command)
    if run is None or step is None or command.assignment <= step.revoked:
        return
    yield from attempt_failed(
        context,
        run,
        command.step,
        error=command.error,
        cause=command.cause,
        retryable=command.retryable,
        bases=command.bases,
        assignment=command.assignment,
        worker=command.worker,
        started_at=command.started_at,
        ended_at=command.ended_at,
        io=command.io,
        now_ms=now_ms,
    )


def _open_attempt(run: Run | None, command: CompleteTask | FailTask) -> OpenStep | None:
    step = run.open.get(command.step) if run is not None else None
    if step is None or step.kind != TASK or step.phase != SCHEDULED or step.attempt != command.attempt:
        return None
    return step
