"""The resource manager as a service: requests come in over journals, answers go out over its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.headers import addressees, journal_headers, journal_position
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.runtime.settings import Settings
from headrace.shard.clock import ManualClock
from headrace.shard.host import ShardHost
from headrace.shard.kafka import KafkaLog
from headrace.shard.memory import MemoryLog
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.reader_rule import START, Verdict, judge
from headrace.shard.reading import JournalReader
from headrace.shard.topics import ensure_topics
from headrace_resources.wiring import resource_role, run
from tests.unit.resources.resource_shard import ended, request

CODEC = Codec()
Append = Callable[[str, int, bytes, list[tuple[str, bytes]]], None]


class DecisionShard:
    """Writes a partition of the workflow journal as a decision shard would."""

    def __init__(self, append: Append, partition: int) -> None:
        self._append = append
        self._partition = partition
        self._n = 0
        started = EpochStarted(code_version=1, process="test", at=0)
        append(topics.WORKFLOW_JOURNAL, partition, CODEC.encode(started), journal_headers(-1, 0))

    def say(self, *events: Message, to: str = "r0") -> None:
        self._n += 1
        record = JournalRecord(epoch=0, n=self._n, at=0, positions=[], events=list(events))
        headers = journal_headers(0, self._n, [to])
        self._append(topics.WORKFLOW_JOURNAL, self._partition, CODEC.encode(record), headers)


def declaration(resource: str, capacity: int) -> bytes:
    return CODEC.encode(DeclareResource(command_id="c", resource=resource, capacity=capacity, issued_at=0))


class MemoryService:
    """The service on the in-memory log; every `settle` lets it work until it rests."""

    def __init__(self, *, resource_shards: int = 1, decision_shards: int = 2) -> None:
        self.clock = ManualClock()
        self.shards = resource_shards
        self.log = MemoryLog.of_namespace(self.clock, decision_shards=decision_shards, resource_shards=resource_shards)
        self.group = MemoryGroup(resource_shards)
        self.decisions = [DecisionShard(self._append, number) for number in range(decision_shards)]
        self.start("first")

    def start(self, name: str) -> None:
        self.host = ShardHost(resource_role(self.shards), self.log, self.group.join(name), self.clock, process=name)

    def settle(self) -> None:
        idle = 0
        while idle < 60:
            idle = 0 if self.host.step() else idle + 1
            self.clock.advance(20)

    def answers(self, shard: int = 0) -> list[tuple[Message, frozenset[str]]]:
        """Return every event of a journal partition that counts, with its record's addressees."""
        self.settle()
        found, position = [], START
        for record in self.log.records(topics.RESOURCE_JOURNAL, shard):
            verdict, position = judge(position, record.offset, journal_position(record.headers))
            if verdict is Verdict.ACCEPT:
                message = CODEC.decode(record.value)
                assert isinstance(message, JournalRecord)
                found += [(event, addressees(record.headers)) for event in message.events]
        return found

    def _append(self, topic: str, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.log.append(topic, partition, value, headers=headers)


def names(answers: list[tuple[Message, frozenset[str]]]) -> list[str]:
    return [event.type_name() for event, _ in answers]


def test_a_grant_goes_to_the_decision_shard_that_asked() -> None:
    service = MemoryService()
    service.log.append(topics.RESOURCE_COMMANDS, 0, declaration("parser", 1))
    service.settle()
    service.decisions[1].say(request("a"))
    service.settle()
    service.decisions[0].say(request("b"))
    service.settle()
    service.decisions[1].say(ended("TaskSucceeded", "a"))
    answers = service.answers()
    assert names(answers) == [
        "ResourceDeclared",
        "LeaseGranted",
        "LeaseQueued",
        "LeaseReleased",
        "LeaseGranted",
    ]
    grants = [(event.holder.run_id, event.to_shard, to) for event, to in answers if event.type_name() == "LeaseGranted"]
    assert [(run, shard) for run, shard, _ in grants] == [("a", 1), ("b", 0)]
    assert all(f"d{shard}" in to for _, shard, to in grants)


def test_records_for_others_are_not_ours() -> None:
    service = MemoryService(resource_shards=2)
    here = next(name for name in "abcdef" if shard_of(name, 2) == 0)
    there = next(name for name in "abcdef" if shard_of(name, 2) == 1)
    service.decisions[0].say(request("a", resource=here, capacity=1), to="x0")
    service.decisions[0].say(
        request("b", resource=here, capacity=1), request("b", 1, resource=there, capacity=1), to="r0,r1"
    )
    for shard, resource in ((0, here), (1, there)):
        answers = service.answers(shard)
        assert names(answers) == ["ResourceDeclared", "LeaseGranted"]
        assert {event.resource for event, _ in answers} == {resource}


def test_a_new_owner_goes_on_with_the_same_queues_and_tokens() -> None:
    service = MemoryService()
    service.decisions[0].say(request("a", capacity=1), request("b"), request("c"))
    service.settle()
    service.group.expel("first")
    service.start("second")
    service.decisions[0].say(ended("TaskFailed", "a"))
    service.decisions[0].say(ended("WorkflowFailed", "b"))
    granted = [event for event, _ in service.answers() if event.type_name() == "LeaseGranted"]
    assert [(event.holder.run_id, event.fencing_token) for event in granted] == [("a", 1), ("b", 2), ("c", 3)]


def test_what_cannot_be_understood_is_rejected_and_the_shard_goes_on() -> None:
    service = MemoryService()
    service.log.append(topics.RESOURCE_COMMANDS, 0, b"junk", key=b"k")
    service.log.append(topics.RESOURCE_COMMANDS, 0, declaration("parser", 3))
    rejected, declared = [event for event, _ in service.answers()]
    assert (rejected.type_name(), rejected.value, rejected.key) == ("CommandRejected", b"junk", b"k")
    assert (declared.type_name(), declared.capacity) == ("ResourceDeclared", 3)


@pytest.mark.timeout(90)
def test_on_kafka(settings: Settings) -> None:
    ensure_topics(settings)
    producer = Producer({"bootstrap.servers": settings.kafka, "acks": "all"})

    def append(topic: str, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        producer.produce(topics.full_name(settings.namespace, topic), value, partition=partition, headers=headers)
        assert producer.flush(30) == 0

    ready, stop = threading.Event(), threading.Event()
    service = threading.Thread(target=run, args=(settings, ready.set, stop), daemon=True)
    service.start()
    try:
        assert ready.wait(60), "Expected the resource manager to become ready"
        append(topics.RESOURCE_COMMANDS, 0, declaration("parser", 1), [])
        shard = DecisionShard(append, 3)
        shard.say(request("a"), request("b"))
        shard.say(ended("WorkflowFailed", "a"))
        log = KafkaLog(settings)
        reader = JournalReader(log, [topics.RESOURCE_JOURNAL], name="test")
        reader.start()
        events: list[Message] = []
        deadline = time.monotonic() + 30
        while len(events) < 5 and time.monotonic() < deadline:
            events += [event for accepted in reader.poll() for event in accepted.record.events]
        kinds = [event.type_name() for event in events]
        assert sorted(kinds) == sorted(
            ["ResourceDeclared", "LeaseGranted", "LeaseQueued", "LeaseReleased", "LeaseGranted"]
        )
        reader.close()
        log.close()
    finally:
        stop.set()
        service.join(30)
    assert not service.is_alive()
