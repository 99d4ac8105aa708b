"""An assignment is taken back from its worker: its attempt waits again, or goes back to the decision service."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import AttemptLost, TaskRequeued
from headrace.contracts.message import Message
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import Assignment


def take_back(round_: Round, assignment: Assignment, reason: str, *, blame: bool) -> Iterator[Message]:
    """Take an assignment back.

    With `blame` its worker was lost with it, and that counts: too many such losses make the task poisonous. Then, too,
    the worker may still run it somewhere, so an attempt that holds a lease goes back, to run again under a newer token.
    """
    attempt = assignment.attempt
    losses = attempt.losses + int(blame)
    run_id, step, number = attempt.key
    if blame and (losses >= round_.limits.poison_losses or attempt.task.fencing_token):
        yield AttemptLost(
            workflow_id=attempt.task.workflow_id,
            run_id=run_id,
            step=step,
            attempt=number,
            to_shard=attempt.shard,
            assignment=assignment.number,
            worker=assignment.worker,
            losses=losses,
            poison=losses >= round_.limits.poison_losses,
            at=round_.now_ms,
        )
        return
    yield TaskRequeued(
        assignment=assignment.number,
        reason=reason,
        losses=losses,
        at=round_.now_ms,
        workflow_id=attempt.task.workflow_id,
        run_id=run_id,
        step=step,
        attempt=number,
        to_shard=attempt.shard,
        worker=assignment.worker,
    )
