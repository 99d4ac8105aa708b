"""Bank shards as processes on a real Kafka: taking over, stopping, and what stops them."""

from __future__ import annotations

import signal

from headrace.runtime.settings import Settings
from tests.contract.log.bank_process import SHARDS, Client, Start
from tests.contract.log.conftest import KafkaWorld, until
from tests.support.bank import JOURNAL


def test_commands_are_decided_and_answers_go_between_shards(settings: Settings, start: Start) -> None:
    client = Client(settings)
    client.send(40, "send")
    bank = start("p").await_ready()
    client.await_deposits(40)
    client.send(40)
    client.await_deposits(80)
    assert bank.end(signal.SIGTERM) == 0
    assert client.epochs() == SHARDS


def test_a_killed_process_is_replaced_and_nothing_is_lost_or_doubled(settings: Settings, start: Start) -> None:
    client = Client(settings)
    first = start("p").await_ready()
    client.send(200)
    first.end(signal.SIGKILL)
    client.send(200)
    start("q").await_ready()
    client.await_deposits(400)


def test_two_processes_share_the_shards_and_one_goes_on_alone(settings: Settings, start: Start) -> None:
    client = Client(settings)
    first = start("p").await_ready()
    second = start("q").await_ready()
    until(lambda: "is given back" in first.text())
    client.send(100)
    client.await_deposits(100)
    assert second.end(signal.SIGTERM) == 0
    client.send(100)
    client.await_deposits(200)


def test_a_process_that_was_paused_finds_its_shards_taken(settings: Settings, start: Start) -> None:
    client = Client(settings)
    paused = start("p").await_ready()
    paused.process.send_signal(signal.SIGSTOP)
    start("q").await_ready()
    client.send(100)
    client.await_deposits(100)
    paused.process.send_signal(signal.SIGCONT)
    client.send(100)
    client.await_deposits(200)


def test_a_journal_that_is_made_anew_stops_the_process(settings: Settings, start: Start) -> None:
    client = Client(settings)
    bank = start("p").await_ready()
    client.send(4)
    client.await_deposits(4)
    KafkaWorld(settings, topics=()).make_anew(JOURNAL)
    client.send(4)
    assert bank.process.wait(60) != 0
    assert "it was deleted and made anew, and every position in it is void" in bank.text()
