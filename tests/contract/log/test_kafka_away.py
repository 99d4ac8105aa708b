"""A broker of its own that is killed and comes back under running shards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.local.kafka import KafkaOptions, kafka_child, wait_for_kafka
from headrace.local.ports import choose_port
from headrace.local.process import Child, stop_children
from headrace.local.settings import LocalSettings
from headrace.local.stack import _prepare_kafka  # the broker must be stopped and started within the test
from headrace.local.state import StateDir
from headrace.runtime.settings import Settings
from tests.contract.log.bank_process import Client, Process
from tests.contract.log.conftest import until

LOCAL = LocalSettings(kafka_heap_mb=512)


class Broker:
    """A broker with its data on disk and an fsync for every append."""

    def __init__(self, folder: Path) -> None:
        state = StateDir(folder / "kafka")
        state.create()
        self._options: KafkaOptions = _prepare_kafka(state, LOCAL, choose_port(), lambda _: None)
        self.start()

    @property
    def address(self) -> str:
        return self._options.bootstrap

    def start(self) -> None:
        self._child = Child(kafka_child(self._options))
        wait_for_kafka(self._child, self.address, 60)

    def kill(self) -> None:
        self._child.send(signal.SIGKILL)
        until(lambda: self._child.poll() is not None)

    def stop(self) -> None:
        stop_children([self._child])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.mark.timeout(180)
def test_kafka_away_costs_time_and_two_lines(broker: Broker, tmp_path: Path) -> None:
    settings = Settings(kafka=broker.address, namespace="away")
    client = Client(settings)
    bank = Process(settings, tmp_path, "p").await_ready()
    try:
        client.send(100, "send")
        broker.kill()
        until(lambda: "does not answer" in bank.text())
        broker.start()
        client.send(100, "send")
        client.await_deposits(200)
        until(lambda: "answers again" in bank.text())
        assert bank.end(signal.SIGTERM) == 0
    finally:
        bank.process.kill()
    assert bank.text().count("does not answer") == bank.text().count("answers again") == 1
    assert "Traceback" not in bank.text()
