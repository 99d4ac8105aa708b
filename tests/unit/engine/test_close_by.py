"""Attempts that never ran: the time for all attempts was over, or the queue was full."""

from __future__ import annotations

from headrace.contracts.dispatch_events import AttemptTimedOut
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskTimedOut
from headrace.contracts.workflow_events import WorkflowFailed
from tests.unit.engine.decision_shard import DecisionShard, only

MINUTE_MS = 60_000
BOUND = {
    "apiVersion": "headrace/v1",
    "name": "bound",
    "tasks": {"a": {"task": "one", "retry": {"schedule": ["5m", "10m"]}, "schedule_to_close": "12m"}},
}


def test_every_attempt_ends_by_the_same_time_and_none_begins_after_it() -> None:
    shard = DecisionShard(BOUND)
    first = only(shard.start("bound"), TaskScheduled)
    begun = shard.now_ms
    failed = only(shard.fail(first), TaskFailed)
    shard.checkpoint()
    second = only(shard.tick(failed.retry_at), TaskScheduled)
    assert first.rules is not None and second.rules is not None
    assert first.rules.close_by == second.rules.close_by == begun + 12 * MINUTE_MS
    events = shard.fail(second)  # the next attempt would begin ten minutes later
    assert only(events, TaskFailed).retry_at == 0
    assert only(events, WorkflowFailed)


def test_when_it_is_over_there_is_no_other_attempt() -> None:
    shard = DecisionShard(BOUND)
    task = only(shard.start("bound"), TaskScheduled)
    over = AttemptTimedOut(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=1,
        to_shard=0,
        assignment=0,
        timeout="schedule_to_close",
        at=shard.now_ms,
    )
    events = shard.hear(over, topic="task.journal")
    timed_out = only(events, TaskTimedOut)
    assert (timed_out.timeout, timed_out.retry_at) == ("schedule_to_close", 0)
    assert "schedule_to_close" in timed_out.cause
    assert only(events, WorkflowFailed)
