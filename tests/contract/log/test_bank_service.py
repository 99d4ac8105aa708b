"""Bank shards as processes on a real Kafka: taking over, stopping, and what stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from headrace.contracts.codec import Codec
from headrace.contracts.journal import EpochStarted
from headrace.contracts.timer_events import TimerFired
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import TopicPartition
from headrace.shard.reading import JournalReader
from headrace.shard.topics import ensure_topics
from tests.contract.log.conftest import KafkaWorld, until
from tests.support.bank import COMMANDS, JOURNAL, command

ROOT = Path(__file__).parents[3]
SHARDS = 4
Start = Callable[[str], "Process"]


class Process:
    """A bank process with its log."""

    def __init__(self, settings: Settings, folder: Path, name: str) -> None:
        self._ready, self._log = folder / f"{name}.ready", folder / f"{name}.log"
        environ = {
            **os.environ,
            "HEADRACE_KAFKA": settings.kafka,
            "HEADRACE_NAMESPACE": settings.namespace,
            "HEADRACE_SESSION_TIMEOUT_MS": "2000",
            "HEADRACE_READY_FILE": str(self._ready),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "libs")]),
        }
        with self._log.open("wb") as log:
            arguments = [sys.executable, "-m", "tests.support.bank_service"]
            self.process = subprocess.Popen(arguments, cwd=ROOT, env=environ, stdout=log, stderr=log)

    def await_ready(self) -> Process:
        until(lambda: self._ready.exists() or self.process.poll() is not None)
        assert self._ready.exists(), self.text()
        return self

    def text(self) -> str:
        return self._log.read_text("utf-8")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start bank processes by name."""
    processes: list[Process] = []

    def begin(name: str) -> Process:
        processes.append(Process(settings, tmp_path, name))
        return processes[-1]

    yield begin
    for process in processes:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


class Client:
    """Sends commands, and reads by the reader's rule what became of them."""

    def __init__(self, settings: Settings) -> None:
        ensure_topics(settings)
        self._prefix = f"{settings.namespace}."
        self._producer = Producer({"bootstrap.servers": settings.kafka, "linger.ms": 0})
        self._log = KafkaLog(settings)
        self._reader = JournalReader(self._log, [JOURNAL], name="test")
        self._reader.start()
        self.deposits: list[str] = []

    def send(self, count: int, what: str = "deposit") -> None:
        for number in range(count):
            self._producer.produce(
                self._prefix + COMMANDS,
                value=command("a", what, 1, key=str((number + 1) % SHARDS)),
                partition=number % SHARDS,
            )
        assert self._producer.flush(30) == 0

    def await_deposits(self, count: int) -> None:
        def seen() -> bool:
            for accepted in self._reader.poll():
                self.deposits += [event.run_id for event in accepted.record.events if isinstance(event, TimerFired)]
            return len(self.deposits) >= count

        until(seen)
        assert len(set(self.deposits)) == len(self.deposits) == count

    def epochs(self) -> int:
        source, codec, found = self._log.source("epochs"), Codec(), 0
        source.assign({TopicPartition(JOURNAL, shard): 0 for shard in range(SHARDS)})
        ends = self._reader.ends()

        def all_read() -> bool:
            nonlocal found
            found += sum(isinstance(codec.decode(r.value), EpochStarted) for r in source.poll(1_000, 50))
            return all(source.assigned()[where] >= end for where, end in ends.items())

        until(all_read)
        source.close()
        return found


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
