"""A process in its group while the coordinator is away: safety does not depend on the group, and so work goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.contracts import topics
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaMembership
from headrace.shard.kafka.availability import Availability
from headrace.shard.roles import InputSpec, ShardRole
from headrace.shard.topics import ensure_topics
from tests.support.bank import BankDecider
from tests.support.broker import Broker

_DEADLINE_S = 60


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


def role() -> ShardRole:
    inputs = (InputSpec(topics.WORKFLOW_COMMANDS, own_partition_only=True),)
    return ShardRole(name="bank", journal=topics.WORKFLOW_JOURNAL, inputs=inputs, decider_for=BankDecider)


def until(members: list[KafkaMembership], probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not probe():
        for member in members:
            member.poll()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.timeout(180)
def test_who_loses_the_group_keeps_its_shards_until_the_group_says_who_has_them(broker: Broker) -> None:
    settings = Settings(kafka=broker.address, namespace="lost", session_timeout_ms=1_500, decision_shards=4)
    ensure_topics(settings)
    availability = Availability(settings.kafka)
    first = KafkaMembership(settings, role(), availability)
    until([first], lambda: first.shards() == {0, 1, 2, 3})
    second = KafkaMembership(settings, role(), availability)
    both = [first, second]
    until(both, lambda: len(first.shards()) == len(second.shards()) == 2)
    had = [member.shards() for member in both]

    broker.kill()
    until(both, lambda: first.lost and second.lost)
    assert [member.shards() for member in both] == had
    assert first.confirm(min(had[0])) is None, "nobody can know while the coordinator is away"

    broker.start()
    until(both, lambda: not first.lost and not second.lost)
    until(both, lambda: first.shards() ^ second.shards() == {0, 1, 2, 3} and bool(first.shards()))
    assert not first.shards() & second.shards()
    for member in both:
        member.close()
