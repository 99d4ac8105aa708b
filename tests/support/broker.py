"""A broker of a test's own, to be killed and started again: its data is on disk, with an fsync for every append."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from headrace.local.kafka import KafkaOptions, kafka_child, wait_for_kafka
from headrace.local.ports import choose_port
from headrace.local.process import Child, stop_children
from headrace.local.settings import LocalSettings
from headrace.local.stack import _prepare_kafka  # the broker must be stopped and started within the test
from headrace.local.state import StateDir

LOCAL = LocalSettings(kafka_heap_mb=512)
_END_S = 30


class Broker:
    """One Kafka broker."""

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
        deadline = time.monotonic() + _END_S
        while self._child.poll() is None:
            assert time.monotonic() < deadline, "Expected a killed broker to end, but it did not"
            time.sleep(0.01)

    def stop(self) -> None:
        stop_children([self._child])
