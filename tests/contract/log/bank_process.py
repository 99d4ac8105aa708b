"""A bank process and a client of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from confluent_kafka import Producer

from headrace.contracts.codec import Codec
from headrace.contracts.journal import EpochStarted
from headrace.contracts.timer_events import TimerFired
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import TopicPartition
from headrace.shard.reading import JournalReader
from headrace.shard.topics import ensure_topics
from tests.contract.log.conftest import until
from tests.support.bank import COMMANDS, JOURNAL, command

ROOT = Path(__file__).parents[3]
SHARDS = 4


class Process:
    """A bank process with its log."""

    def __init__(self, settings: Settings, folder: Path, name: str, **environment: str) -> None:
        self._ready, self._log = folder / f"{name}.ready", folder / f"{name}.log"
        environ = {
            **os.environ,
            "HEADRACE_KAFKA": settings.kafka,
            "HEADRACE_NAMESPACE": settings.namespace,
            "HEADRACE_SESSION_TIMEOUT_MS": "2000",
            "HEADRACE_READY_FILE": str(self._ready),
            **environment,
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


class Start(Protocol):
    """Starts bank processes."""

    def __call__(self, name: str, **environment: str) -> Process:
        """Start one by name, with variables of its own."""


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
        """Wait for so many deposits; each is there once, and there are no more."""
        self.await_at_least(count)
        assert len(set(self.deposits)) == len(self.deposits) == count

    def await_at_least(self, count: int) -> None:
        def seen() -> bool:
            for accepted in self._reader.poll():
                self.deposits += [event.run_id for event in accepted.record.events if isinstance(event, TimerFired)]
            return len(self.deposits) >= count

        until(seen)

    def epochs(self) -> int:
        """Return how often a shard was taken over; the fences of checkpoints do not count."""
        source, codec, found = self._log.source("epochs"), Codec(), 0
        source.assign({TopicPartition(JOURNAL, shard): 0 for shard in range(SHARDS)})
        ends = self._reader.ends()

        def all_read() -> bool:
            nonlocal found
            messages = [codec.decode(record.value) for record in source.poll(1_000, 50)]
            found += sum(isinstance(message, EpochStarted) and not message.checkpoint for message in messages)
            return all(source.assigned()[where] >= end for where, end in ends.items())

        until(all_read)
        source.close()
        return found
