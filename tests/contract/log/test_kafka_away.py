"""A broker of its own that is killed and comes back under running shards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime.settings import Settings
from tests.contract.log.bank_process import Client, Process
from tests.contract.log.conftest import until
from tests.support.broker import Broker


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
