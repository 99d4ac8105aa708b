"""What breaks in the middle of a decision parks the run that it was about, and nobody else."""

from __future__ import annotations

from headrace.contracts.commands import CompleteTask
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.timer_events import TimerFired
from headrace.contracts.topics import RESOURCE_JOURNAL, WORKFLOW_COMMANDS
from headrace.contracts.workflow_events import CommandRejected, WorkflowStarted, WorkflowStuck
from headrace.engine.run import STUCK
from headrace.shard.decider import Input
from tests.unit.engine.decision_shard import DecisionShard, only
from tests.unit.engine.workflows import CHAIN, LEASED, SLEEPER

BROKEN = ValueError("the fold cannot take it")


def granted(request: LeaseRequested, token: int) -> LeaseGranted:
    holder = LeaseHolder(
        workflow_id=request.workflow_id,
        run_id=request.run_id,
        step=request.step,
        attempt=request.attempt,
        node=request.node,
        index=request.index,
        shard=0,
    )
    return LeaseGranted(resource="parser", units=1, fencing_token=token, holder=holder, to_shard=0, at=1)


def twice(shard: DecisionShard, name: str) -> tuple[list[Message], list[Message]]:
    return shard.start(name, workflow_id="v"), shard.start(name, workflow_id="w", command_id="c2")


def test_one_of_several_in_a_journal_record_is_parked_and_the_others_are_decided() -> None:
    shard = DecisionShard(LEASED)
    first, second = (only(events, LeaseRequested) for events in twice(shard, "leased"))
    unfit = TaskScheduled(
        workflow_id="v",
        run_id=first.run_id,
        step=first.step,
        attempt=1,
        node="a",
        task="one",
        queue="default",
        input=b"",
        at=1,
    )
    assert shard.decider.refuse(unfit, BROKEN)
    events = shard.hear(granted(first, 1), granted(second, 2), topic=RESOURCE_JOURNAL)
    stuck = only(events, WorkflowStuck)
    assert stuck.workflow_id == "v" and str(BROKEN) in stuck.cause
    assert only(events, TaskScheduled).workflow_id == "w"
    shard.terminate("v")
    assert "v" not in shard.state.runs


def test_a_timer_whose_event_could_not_be_folded_parks_its_run() -> None:
    shard = DecisionShard(SLEEPER)
    started = only(twice(shard, "sleeper")[0], WorkflowStarted)
    assert shard.decider.refuse(TimerFired(workflow_id="v", run_id=started.run_id, step=0, at=1), BROKEN)
    events = shard.tick(1_000_000)
    assert only(events, WorkflowStuck).workflow_id == "v"
    assert only(events, TimerFired).workflow_id == "w"
    assert shard.tick(2_000_000) == []


def test_nothing_is_set_aside_twice_nor_a_run_that_never_began() -> None:
    shard = DecisionShard(CHAIN)
    events = shard.start("chain")
    assert shard.decider.refuse(only(events, TaskScheduled), BROKEN)
    assert not shard.decider.refuse(only(events, TaskScheduled), BROKEN)
    assert not shard.decider.refuse(only(events, WorkflowStarted), BROKEN)


def test_a_late_result_that_breaks_does_not_park_a_newer_run() -> None:
    shard = DecisionShard(CHAIN)
    task = only(shard.start("chain"), TaskScheduled)
    late = CompleteTask(
        command_id="r",
        workflow_id="w",
        issued_at=0,
        run_id="an older one",
        step=task.step,
        attempt=1,
        assignment=1,
        worker="worker-1",
        output=b"1",
        content_type="application/json",
        started_at=1,
        ended_at=2,
    )
    item = Input(topic=WORKFLOW_COMMANDS, partition=0, offset=9, at=1, message=late, key=b"w")
    assert isinstance(only(list(shard.decider.failed(shard.state, item, BROKEN, 1)), CommandRejected), CommandRejected)
    assert shard.state.runs["w"].status != STUCK
