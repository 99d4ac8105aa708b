"""The relay on a real Kafka: each event once, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from headrace.contracts import topics
from headrace.contracts.workflow_events import CommandRejected
from headrace.runtime.settings import Settings
from headrace.shard.clock import SystemClock
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import TopicPartition
from headrace.shard.topics import ensure_topics
from headrace_listener.relay.kafka import KafkaOutput
from headrace_listener.relay.ports import Fenced
from headrace_listener.relay.relay import Relay
from tests.component.listener.cluster import CODEC, LIMITS, Journal, eventually, headers_of, read, running
from tests.unit.listener.journals import scheduled


def make_output(settings: Settings, log: KafkaLog) -> KafkaOutput:
    ensure_topics(settings)
    return KafkaOutput(settings, log.availability, CODEC, LIMITS)


def relay_all(relay: Relay, end: int) -> None:
    journal = TopicPartition(topics.WORKFLOW_JOURNAL, 0)

    def all_done() -> bool:
        relay.step(100)
        return relay.positions()[journal].next_offset == end

    eventually(all_done, "everything to be relayed")


def ids(settings: Settings, *, committed: bool = True) -> list[str]:
    return [headers_of(record)["ce_id"] for record in read(settings, topics.TASK_EVENTS, committed=committed)]


def test_an_unfinished_transaction_is_never_seen_and_its_writer_is_fenced(settings: Settings) -> None:
    ensure_topics(settings)
    journal = Journal(settings, topics.WORKFLOW_JOURNAL)
    for number in range(20):
        journal.write(scheduled(f"w-{number}"))
    journal.flush()
    log = KafkaLog(settings)
    dying = make_output(settings, log)
    written: list[object] = []

    def die(*given: object) -> None:
        written.append(given)
        raise KeyboardInterrupt

    # The process dies between its last record and the commit.
    relay = Relay(log, dying, SystemClock(), codec=CODEC, namespace="ns", limits=LIMITS)
    dying._try = die  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        relay_all(relay, 21)
    dying._producer.flush(0.5)
    assert written
    next_output = make_output(settings, log)
    relay_all(Relay(log, next_output, SystemClock(), codec=CODEC, namespace="ns", limits=LIMITS), 21)
    del dying._try
    with pytest.raises(Fenced):
        # It was only paused, wakes up, and would commit.
        dying._try(lambda: dying._producer.commit_transaction(10))
    found = ids(settings)
    assert sorted(found) == sorted(f"workflow.journal/0/{offset}/0" for offset in range(1, 21))
    assert len(ids(settings, committed=False)) == 40, "the first transaction is in the log, but nobody reads it"
    log.close()


def test_a_killed_service_goes_on_where_its_last_transaction_ended(settings: Settings) -> None:
    ensure_topics(settings)
    count = 6_000
    journal = Journal(settings, topics.WORKFLOW_JOURNAL)
    for number in range(count):
        journal.write(scheduled(f"w-{number}"))
    journal.flush()
    environ = os.environ | {
        "HEADRACE_KAFKA": settings.kafka,
        "HEADRACE_NAMESPACE": settings.namespace,
        # Many transactions, so that a kill finds some of them to come.
        "HEADRACE_LISTENER_TRANSACTION_EVENTS": "50",
        "HEADRACE_LISTENER_POLL_RECORDS": "50",
    }
    command = [sys.executable, "-m", "headrace_listener"]
    kills = 0
    while kills < 2:
        process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE)
        before = len(ids(settings))
        try:
            eventually(lambda seen=before: len(ids(settings, committed=False)) > min(seen, count - 1), "more records")
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        kills += 1
    with running(settings):
        eventually(lambda: len(ids(settings)) >= count, "all events")
    found = Counter(ids(settings))
    assert found == Counter(f"workflow.journal/0/{offset}/0" for offset in range(1, count + 1))


def test_a_rejected_command_reaches_the_dead_letters(settings: Settings) -> None:
    ensure_topics(settings)
    rejected = CommandRejected(
        topic="workflow.commands",
        partition=0,
        offset=3,
        key=b"k",
        value=b"junk",
        error="headrace.SerializationError",
        reason="Expected framing",
        at=1,
    )
    journal = Journal(settings, topics.WORKFLOW_JOURNAL, 1)
    journal.write(rejected)
    journal.flush()
    with running(settings):
        (record,) = eventually(lambda: read(settings, topics.DEAD_LETTERS), "the dead letter")
    assert (record.key(), record.value(), headers_of(record)["reason"]) == (b"k", b"junk", "Expected framing")


def test_the_relay_tells_how_it_is_doing(settings: Settings) -> None:
    ensure_topics(settings)
    journal = Journal(settings, topics.WORKFLOW_JOURNAL)
    journal.write(scheduled("w-1"))
    journal.flush()
    with running(settings):
        eventually(lambda: ids(settings), "the event")
    states = [CODEC.decode(record.value()) for record in read(settings, topics.LISTENER_STATES)]
    last = states[-1]
    assert (last.name, last.kind, last.handled, last.positions["workflow.journal/0"]) == ("relay", "relay", 1, 2)


def test_a_second_process_stands_by_and_takes_over(settings: Settings) -> None:
    ensure_topics(settings)
    journal = Journal(settings, topics.WORKFLOW_JOURNAL)
    with running(settings) as first, running(settings):
        journal.write(scheduled("w-1"))
        journal.flush()
        eventually(lambda: len(ids(settings)) == 1, "the first event")
        first.set()
        journal.write(scheduled("w-2"))
        journal.flush()
        eventually(lambda: len(ids(settings)) == 2, "the event after the take-over")
    assert sorted(ids(settings)) == ["workflow.journal/0/1/0", "workflow.journal/0/2/0"]
