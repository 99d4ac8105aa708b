"""What follows when attempts end, one way or another."""

from __future__ import annotations

import pytest

from headrace.contracts.dispatch_events import AttemptLost, AttemptTimedOut, TaskRequeued
from headrace.contracts.io_accounts import DatasetIo, TaskIo
from headrace.contracts.lease_events import LeaseRequested, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_events import TaskFailed, TaskReleased, TaskScheduled, TaskSucceeded, TaskTimedOut
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowSucceeded, WorkflowTerminated
from headrace.engine.retry import retry_delay_ms
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN, LEASED, RETRYING

MINUTE_MS = 60_000


def test_success_goes_on_to_the_next_and_to_the_end() -> None:
    shard = DecisionShard(CHAIN)
    first = only(shard.start("chain"), TaskScheduled)
    second = only(shard.complete(first, {"rows": 3}), TaskScheduled)
    ended = only(shard.complete(second, [1]), WorkflowSucceeded)
    assert ended.output == b"[1]"
    assert shard.complete(second, [2]) == []


def test_what_an_attempt_read_and_wrote_stands_in_its_event_with_the_definition_whatever_became_of_it() -> None:
    shard = DecisionShard(RETRYING)
    task = only(shard.start("retrying"), TaskScheduled)
    io = TaskIo(input_bytes=2, output_bytes=0, datasets=[DatasetIo(dataset="d", rows=3, bytes=4)])
    failed = only(shard.fail(task, io=io), TaskFailed)
    again = only(shard.tick(failed.retry_at), TaskScheduled)
    succeeded = only(shard.complete(again, 1, io=io), TaskSucceeded)
    for event in (failed, succeeded):
        assert event.io is not None
        assert (event.io.workflow, event.io.version) == ("retrying", "test")
        assert event.io.datasets == io.datasets
    quiet = DecisionShard(CHAIN)
    assert only(quiet.complete(only(quiet.start("chain"), TaskScheduled)), TaskSucceeded).io is None


@pytest.mark.parametrize("change", [{"attempt": 2}, {"step": 7}, {"run_id": "old"}])
def test_a_result_of_something_else_changes_nothing(change: dict[str, object]) -> None:
    shard = DecisionShard(CHAIN)
    first = only(shard.start("chain"), TaskScheduled)
    fields = {name: getattr(first, name) for name in first.__struct_fields__}
    assert shard.complete(TaskScheduled(**{**fields, **change})) == []


def test_a_failure_is_tried_again_by_the_schedule_and_then_final() -> None:
    shard = DecisionShard(RETRYING)
    task = only(shard.start("retrying"), TaskScheduled)
    for pause, attempt in ((5 * MINUTE_MS, 2), (10 * MINUTE_MS, 3)):
        failed = only(shard.fail(task), TaskFailed)
        assert failed.retry_at == shard.now_ms + pause
        assert shard.tick(failed.retry_at - 1) == []
        task = only(shard.tick(failed.retry_at), TaskScheduled)
        assert task.attempt == attempt
    events = shard.fail(task)
    assert only(events, TaskFailed).retry_at == 0
    assert only(events, WorkflowFailed).error == "ValueError"


@pytest.mark.parametrize(("error", "fields"), [("KeyError", {}), ("ValueError", {"retryable": False})])
def test_what_must_not_be_tried_again_is_final(error: str, fields: dict[str, object]) -> None:
    shard = DecisionShard(RETRYING)
    task = only(shard.start("retrying"), TaskScheduled)
    events = shard.fail(task, error, **fields)
    assert only(events, TaskFailed).retry_at == 0
    assert only(events, WorkflowFailed).error == error


def test_a_time_out_is_tried_again_too() -> None:
    shard = DecisionShard(RETRYING)
    task = only(shard.start("retrying"), TaskScheduled)
    assert task.timeout_ms == MINUTE_MS
    late = AttemptTimedOut(**_of(task), to_shard=0, assignment=1, timeout="start_to_close", at=1)
    timed_out = only(shard.hear(late), TaskTimedOut)
    assert (timed_out.timeout, timed_out.retry_at) == ("start_to_close", shard.now_ms + 5 * MINUTE_MS)
    assert shard.hear(late) == []


def test_a_failure_of_a_revoked_assignment_does_not_count_but_its_success_does() -> None:
    shard = DecisionShard(CHAIN)
    task = only(shard.start("chain"), TaskScheduled)
    taken_back = TaskRequeued(assignment=1, reason="lost", losses=1, at=1, to_shard=0, **_of(task))
    assert names(shard.hear(taken_back)) == ["AssignmentRevoked"]
    assert shard.fail(task, assignment=1) == []
    assert only(shard.complete(task, assignment=1), TaskSucceeded).assignment == 1


def test_poison_fails_the_task_with_that_reason() -> None:
    shard = DecisionShard(RETRYING)
    task = only(shard.start("retrying"), TaskScheduled)
    events = shard.hear(_lost(task, poison=True))
    assert only(events, TaskFailed).error == "headrace.PoisonTask"
    assert (
        "3 workers were lost with it, the last one w3; HEADRACE_EXECUTION_POISON_LOSSES"
        in only(events, TaskFailed).cause
    )
    assert only(events, WorkflowFailed).error == "headrace.PoisonTask"


def test_a_leased_task_waits_for_its_lease_and_carries_the_token() -> None:
    shard = DecisionShard(LEASED)
    request = only(shard.start("leased"), LeaseRequested)
    assert (request.resource, request.units, request.capacity) == ("parser", 1, 2)
    assert names(shard.hear(_granted(request, 7))) == ["LeaseRecorded", "TaskScheduled"]
    assert shard.journal[-1].fencing_token == 7  # type: ignore[attr-defined]
    assert only(shard.complete(shard.journal[-1]), TaskSucceeded).fencing_token == 7  # type: ignore[arg-type]


def test_each_attempt_has_a_lease_of_its_own() -> None:
    shard = DecisionShard(LEASED)
    request = only(shard.start("leased"), LeaseRequested)
    task = only(shard.hear(_granted(request, 7)), TaskScheduled)
    failed = only(shard.fail(task), TaskFailed)
    assert failed.fencing_token == 7
    again = only(shard.tick(failed.retry_at), LeaseRequested)
    assert again.attempt == 2
    assert only(shard.hear(_granted(request, 8)), LeaseReturned).fencing_token == 8
    assert only(shard.hear(_granted(again, 9)), TaskScheduled).fencing_token == 9


def test_a_lost_worker_gives_the_lease_back_and_the_same_attempt_runs_under_a_new_one() -> None:
    shard = DecisionShard(LEASED)
    request = only(shard.start("leased"), LeaseRequested)
    task = only(shard.hear(_granted(request, 7)), TaskScheduled)
    events = shard.hear(_lost(task, poison=False))
    assert only(events, TaskReleased).fencing_token == 7
    again = only(events, LeaseRequested)
    task = only(shard.hear(_granted(again, 8)), TaskScheduled)
    assert (task.attempt, task.fencing_token, task.losses) == (1, 8, 3)
    assert shard.fail(task, assignment=3) == []
    assert only(shard.fail(task, assignment=4), TaskFailed).assignment == 4


def test_a_lease_for_a_run_that_has_ended_goes_back() -> None:
    shard = DecisionShard(LEASED)
    request = only(shard.start("leased"), LeaseRequested)
    assert only(shard.terminate(), WorkflowTerminated)
    assert names(shard.hear(_granted(request, 7))) == ["LeaseReturned"]


def test_a_refused_lease_fails_the_task() -> None:
    shard = DecisionShard(LEASED)
    request = only(shard.start("leased"), LeaseRequested)
    refused = LeaseRefused(
        resource="parser",
        units=1,
        holder=_holder(request),
        to_shard=0,
        error="headrace.ResourceError",
        cause="no",
        at=1,
    )
    assert only(shard.hear(refused), WorkflowFailed).error == "headrace.ResourceError"


@pytest.mark.parametrize(
    ("policy", "attempt", "error", "expected"),
    [
        (None, 1, "E", None),
        (RetryPolicy(max_attempts=1), 1, "E", None),
        (RetryPolicy(max_attempts=3, interval_ms=100, backoff=3.0), 2, "E", 300),
        (RetryPolicy(max_attempts=99, interval_ms=1000, max_interval_ms=5000), 98, "E", 5000),
        (RetryPolicy(schedule=[7, 8]), 2, "E", 8),
        (RetryPolicy(schedule=[7, 8]), 3, "E", None),
        (RetryPolicy(max_attempts=2, on=["A"]), 1, "E", None),
        (RetryPolicy(max_attempts=2, on=["A"]), 1, "my.A", 1000),
        (RetryPolicy(max_attempts=2, off=["E"]), 1, "E", None),
    ],
)
def test_the_pause_before_a_retry(policy: RetryPolicy | None, attempt: int, error: str, expected: int | None) -> None:
    assert retry_delay_ms(policy, attempt=attempt, error=error, seed="s") == expected


def test_jitter_is_drawn_from_the_seed() -> None:
    policy = RetryPolicy(max_attempts=9, interval_ms=10_000, jitter=0.1)
    drawn = {retry_delay_ms(policy, attempt=1, error="E", seed=str(seed)) for seed in range(50)}
    assert len(drawn) > 10
    assert all(pause is not None and 9_000 <= pause <= 11_000 for pause in drawn)
    assert retry_delay_ms(policy, attempt=1, error="E", seed="s") == retry_delay_ms(
        policy, attempt=1, error="E", seed="s"
    )


def _of(task: TaskScheduled) -> dict[str, object]:
    return {"workflow_id": task.workflow_id, "run_id": task.run_id, "step": task.step, "attempt": task.attempt}


def _lost(task: TaskScheduled, *, poison: bool) -> Message:
    return AttemptLost(**_of(task), to_shard=0, assignment=3, worker="w3", losses=3, poison=poison, at=1)  # type: ignore[arg-type]


def _holder(request: LeaseRequested) -> LeaseHolder:
    return LeaseHolder(
        workflow_id=request.workflow_id, run_id=request.run_id, step=request.step, attempt=request.attempt, node="a"
    )


def _granted(request: LeaseRequested, token: int) -> LeaseGranted:
    return LeaseGranted(resource="parser", units=1, fencing_token=token, holder=_holder(request), to_shard=0, at=1)
