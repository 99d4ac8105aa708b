"""The relay on the in-memory log: which records count, in which order, with which headers, and each exactly once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts import topics
from headrace.contracts.dispatch_events import TaskAssigned, TaskQueued
from headrace.contracts.events import ALL_EVENTS
from headrace.contracts.partition import shard_of
from headrace.contracts.public_events import DERIVED_TOPIC, INTERNAL_EVENTS, PUBLIC_TOPIC
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseQueued
from headrace.contracts.worker_events import WorkerStopping
from headrace.contracts.workflow_events import CommandRejected, WorkflowStarted
from headrace.runtime.listener_settings import ListenerSettings
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import PositionLost, TopicPartition
from headrace_listener.relay.memory import MemoryOutput, Outcome
from headrace_listener.relay.ports import Fenced, TransactionFailed
from headrace_listener.relay.relay import Relay
from tests.unit.listener.journals import CODEC, FixedClock, Shard, dead_letters_in, events_in, scheduled, succeeded

WORKFLOWS = TopicPartition(topics.WORKFLOW_JOURNAL, 0)


class World:
    """A namespace in memory with one shard of each kind, and the relay."""

    def __init__(self, *, choose=lambda: Outcome.COMMITTED, decision_shards: int = 1, **limits: int) -> None:
        self.clock = FixedClock()
        self.log = MemoryLog.of_namespace(self.clock, decision_shards=decision_shards)
        self.workflows = Shard(self.log, topics.WORKFLOW_JOURNAL)
        self.tasks = Shard(self.log, topics.TASK_JOURNAL)
        self.resources = Shard(self.log, topics.RESOURCE_JOURNAL)
        for shard in (self.workflows, self.tasks, self.resources):
            shard.reign()
        self.fence: list[int] = []
        self.limits = ListenerSettings(**limits)
        self.choose = choose

    def relay(self) -> Relay:
        output = MemoryOutput(self.log, self.fence, self.choose)
        return Relay(self.log, output, self.clock, codec=CODEC, namespace="ns", limits=self.limits)

    def run(self, relay: Relay) -> None:
        """Let a relay go on until it rests, beginning a new one after every failed transaction."""
        still = 0
        while still < 3:
            self.clock.ms += self.limits.transaction_pause_ms
            try:
                still = 0 if relay.step() else still + 1
            except TransactionFailed:
                relay.close()
                relay = self.relay()


def test_every_event_is_either_public_or_internal() -> None:
    assert set(PUBLIC_TOPIC) | INTERNAL_EVENTS == set(ALL_EVENTS)
    assert not set(PUBLIC_TOPIC) & INTERNAL_EVENTS
    assert not set(DERIVED_TOPIC) & set(ALL_EVENTS)


def test_an_event_is_one_record_with_its_own_schema_and_cloud_events_headers() -> None:
    world = World(decision_shards=3)
    world.workflows.write(scheduled("w-0"))
    started = WorkflowStarted(
        workflow_id="w-1",
        run_id="r",
        name="census",
        version="1",
        program="graph",
        input=b"1",
        at=1_700_000_000_123,
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    offset = world.workflows.write(scheduled("w-2"), started)
    world.run(world.relay())
    (record,) = world.log.records(topics.WORKFLOW_EVENTS, shard_of("w-1", 3))
    assert (record.key, CODEC.decode(record.value)) == (b"w-1", started)
    assert {name: value.decode() for name, value in record.headers} == {
        "ce_specversion": "1.0",
        "ce_id": f"workflow.journal/0/{offset}/1",
        "ce_type": "headrace.WorkflowStarted",
        "ce_source": "/ns/workflow.journal/0",
        "ce_subject": "w-1",
        "ce_time": "2023-11-14T22:13:20.123Z",
        "content-type": "application/vnd.confluent.avro",
        "traceparent": started.trace,
    }
    assert {record.key for record in world.log.records(topics.TASK_EVENTS, shard_of("w-0", 3))} >= {b"w-0"}


def test_internal_events_stay_inside_and_each_kind_has_its_topic_and_key() -> None:
    world = World()
    holder = LeaseHolder(workflow_id="w", run_id="r", step=0, attempt=1, node="n")
    world.resources.write(LeaseQueued(resource="parser", units=1, holder=holder, at=1))
    world.tasks.write(
        TaskQueued(task=scheduled("w"), shard=0, at=1),
        TaskAssigned(assignment=1, worker="worker-1", session="s", task=scheduled("w"), shard=0, at=2),
        WorkerStopping(worker="worker-1", session="s", at=3),
    )
    world.run(world.relay())
    assert [(r.key, CODEC.decode(r.value).type_name()) for r in world.log.records(topics.TASK_EVENTS, 0)] == [
        (b"w", "TaskAssigned"),
        (b"worker-1", "WorkerStopping"),
    ]
    assert [r.key for r in world.log.records(topics.RESOURCE_EVENTS, 0)] == [b"parser"]
    assigned = events_in(world.log, topics.TASK_EVENTS)[0]
    assert isinstance(assigned, TaskAssigned)
    assert assigned.task.input == b""


def test_a_rejected_command_becomes_a_dead_letter() -> None:
    world = World()
    world.workflows.write(
        CommandRejected(
            topic="workflow.commands",
            partition=2,
            offset=7,
            key=b"k",
            value=b"\x00junk",
            error="headrace.SerializationError",
            reason="Expected framing, but found junk",
            workflow_id="w-1",
            at=1,
        )
    )
    world.run(world.relay())
    (record,) = world.log.records(topics.DEAD_LETTERS, 0)
    assert (record.key, record.value) == (b"k", b"\x00junk")
    assert dead_letters_in(world.log) == [
        {
            "reason": "Expected framing, but found junk",
            "error": "headrace.SerializationError",
            "topic": "workflow.commands",
            "partition": "2",
            "offset": "7",
            "workflow_id": "w-1",
        }
    ]


def test_only_what_the_readers_rule_accepts_is_relayed() -> None:
    world = World()
    old = world.workflows.reign()
    world.workflows.write(scheduled("accepted"))
    world.workflows.reign()
    world.workflows.zombie(old, 2, scheduled("zombie"))
    world.workflows.write(scheduled("new reign"))
    world.workflows.write(scheduled("behind a hole"), skip=1)
    world.workflows.write(scheduled("after the hole"))
    world.workflows.reign()
    world.workflows.write(scheduled("closed no more"))
    world.run(world.relay())
    found = [event.workflow_id for event in events_in(world.log, topics.TASK_EVENTS)]
    assert found == ["accepted", "new reign", "closed no more"]


def test_nothing_goes_out_before_what_it_followed_from() -> None:
    world = World(poll_records=1)
    assigned = TaskAssigned(assignment=1, worker="w", session="s", task=scheduled("w-1"), shard=0, at=2)
    # In the log the schedule is first; the relay happens to read the other journal first.
    offset = world.workflows.write(scheduled("w-1"))
    world.tasks.write(assigned, after={WORKFLOWS: offset})
    world.workflows.write(succeeded("w-1"), after={world.tasks.where: 1})
    world.run(world.relay())
    names = [event.type_name() for event in events_in(world.log, topics.TASK_EVENTS)]
    assert names == ["TaskScheduled", "TaskAssigned", "TaskSucceeded"]


def test_a_cause_that_is_no_decision_itself_holds_up_nobody() -> None:
    # The workflow record follows from the task journal as far as a new reign there, and the first decision of that
    # reign follows from the workflow record: whoever waits for the reign's fence must not wait for that decision.
    world = World()
    world.tasks.write(TaskQueued(task=scheduled("w-0"), shard=0, at=1))
    fence = world.tasks.reign()
    workflow = world.workflows.write(scheduled("w-1"), after={world.tasks.where: fence})
    world.tasks.write(TaskQueued(task=scheduled("w-1"), shard=0, at=2), after={WORKFLOWS: workflow})
    relay = world.relay()
    world.run(relay)
    assert relay.behind() == 0
    assert [event.workflow_id for event in events_in(world.log, topics.TASK_EVENTS)] == ["w-1"]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_each_event_once_whatever_becomes_of_the_transactions(chance: random.Random, batch: int) -> None:
    outcomes = [Outcome.COMMITTED, Outcome.COMMITTED, Outcome.ABORTED, Outcome.UNREPORTED]
    failures = [5]

    def choose() -> Outcome:
        outcome = chance.choice(outcomes)
        failures[0] -= outcome is not Outcome.COMMITTED
        return outcome if failures[0] >= 0 else Outcome.COMMITTED

    world = World(choose=choose, transaction_events=batch, poll_records=2, partition_queue=3)
    shards = [world.workflows, world.tasks, world.resources]
    at: dict[TopicPartition, tuple[int, str]] = {}
    before: list[tuple[str, str]] = []
    for number in range(chance.randint(1, 30)):
        shard, name = chance.choice(shards), f"w-{number}"
        causes = {where: end for where, end in at.items() if where != shard.where and chance.random() < 0.7}
        before += [(cause, name) for _, cause in causes.values()]
        offset = shard.write(scheduled(name), after={where: end[0] for where, end in causes.items()})
        at[shard.where] = (offset, name)
    world.run(world.relay())
    place = {event.workflow_id: index for index, event in enumerate(events_in(world.log, topics.TASK_EVENTS))}
    assert sorted(place) == sorted(f"w-{n}" for n in range(number + 1))
    assert len(events_in(world.log, topics.TASK_EVENTS)) == number + 1
    assert all(place[cause] < place[effect] for cause, effect in before)


def test_an_older_relay_is_fenced() -> None:
    world = World()
    old, new = world.relay(), world.relay()
    world.workflows.write(scheduled("w-1"))
    with pytest.raises(Fenced):
        old.step()
    world.run(new)
    assert len(events_in(world.log, topics.TASK_EVENTS)) == 1


def test_positions_move_over_what_is_not_public_after_a_while() -> None:
    world = World()
    relay = world.relay()
    world.run(relay)
    assert world.log.records(topics.LISTENER_POSITIONS, 0) == []
    world.clock.ms += world.limits.position_pause_ms
    world.run(relay)
    positions = MemoryOutput(world.log, world.fence).stored().positions
    assert {where.topic for where in positions} == set(topics.JOURNALS)


def test_a_journal_that_was_shortened_stops_the_relay() -> None:
    world = World()
    world.workflows.write(scheduled("w-1"))
    world.run(world.relay())
    world.workflows.write(scheduled("w-2"))
    world.workflows.write(scheduled("w-3"))
    world.log.shorten(WORKFLOWS, 3)
    with pytest.raises(PositionLost, match="shortened"):
        world.relay()
