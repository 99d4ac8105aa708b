"""A process's own lines on a real Kafka: there with what they are about, and nobody waits while it is away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from headrace.contracts.codec import Codec
from headrace.contracts.log_lines import LogLine
from headrace.contracts.topics import LOGS, full_name, topic_specs
from headrace.runtime import logging as logs
from headrace.runtime.log_shipping import LogShipper
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace.shard.topics import ensure_topics
from tests.contract.log.conftest import until
from tests.support.broker import Broker

log = logging.getLogger("headrace.shipping_test")
QUEUE = 50


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.setLevel("INFO")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Lines:
    """The logs topic, read from its beginning as often as asked."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "t", "enable.auto.commit": False})
        topic = full_name(settings.namespace, LOGS)
        count = len(self._consumer.list_topics(topic, 30).topics[topic].partitions)
        self._consumer.assign([TopicPartition(topic, at, OFFSET_BEGINNING) for at in range(count)])
        self.found: list[LogLine] = []

    def messages(self) -> list[str]:
        for message in self._consumer.consume(1_000, 0.2):
            line = Codec().decode(message.value())
            assert isinstance(line, LogLine)
            if line.logger in (log.name, ""):
                self.found.append(line)
        return [line.message for line in self.found]


def shippers() -> list[LogShipper]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogShipper)]


@pytest.mark.timeout(180)
def test_lines_are_shipped_and_an_outage_costs_nobody_time_but_some_lines(broker: Broker) -> None:
    assert topic_specs()[LOGS].writers == ["all"]
    settings = Settings(kafka=broker.address, namespace="ships", ship_logs_queue=QUEUE, decision_shards=2)
    ensure_topics(settings)
    ship_logs("decision", settings)
    (shipper,) = shippers()
    lines = Lines(settings)
    with logs.bind(workflow_id="w-1"):
        log.warning("before")
    until(lambda: lines.messages() == ["before"])
    assert (lines.found[0].service, lines.found[0].workflow_id) == ("decision", "w-1")

    broker.kill()
    for number in range(10 * QUEUE):
        log.info("away %d", number)
    shipper.flush()  # what the end of a process does; it returns although nobody answers

    broker.start()
    until(lambda: "away 0" in lines.messages())

    def dropped() -> int:
        marks = [message for message in lines.messages() if "were dropped while the log did not answer" in message]
        return sum(int(mark.split()[0].strip("[")) for mark in marks)

    def kept() -> int:
        return sum(message.startswith("away") for message in lines.messages())

    def all_are_accounted_for() -> bool:
        log.info("after")  # What was dropped is said with the next line.
        return kept() + dropped() >= 10 * QUEUE

    until(all_are_accounted_for)
    assert QUEUE <= kept() < 10 * QUEUE


def test_shipping_is_off_by_a_setting() -> None:
    ship_logs("decision", Settings(kafka="127.0.0.1:1", ship_logs=False))
    assert shippers() == []
    assert Settings.load({"HEADRACE_SHIP_LOGS": "0", "HEADRACE_KAFKA": "k:1"}).ship_logs is False
