"""The real dispatcher and real worker processes on a real Kafka; the decision service is played by the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from confluent_kafka import Producer

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import AttemptLost, TaskAssigned, TaskRequeued, TaskUnserved
from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.contracts.log_lines import LogLine
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.worker_events import WorkerLeft, WorkerLost
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import TopicPartition
from headrace.shard.reading import JournalReader
from headrace.shard.topics import ensure_topics
from headrace_execution.dispatcher.wiring import run

pytestmark = pytest.mark.timeout(180)
APP = Path(__file__).with_name("app.py")
CODEC = Codec()
PATIENCE_S = 60
T = TypeVar("T", bound=Message)


class Mill:
    """A dispatcher in a thread, workers as processes, and the test as the decision service."""

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self.settings = settings
        self.scratch = scratch
        self.shards = ensure_topics(settings).decision_shards
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.events: list[Message] = []
        self.records: list[Message] = []
        self._log = KafkaLog(settings)
        self._reader = JournalReader(self._log, [topics.TASK_JOURNAL], name="test")
        self._reader.start()
        self._source = self._log.source("test-results")
        plain = (topics.WORKFLOW_COMMANDS, topics.LOGS)
        self._source.assign({TopicPartition(topic, shard): 0 for topic in plain for shard in range(self.shards)})
        self._producer = Producer({"bootstrap.servers": settings.kafka, "enable.idempotence": True, "log_level": 0})
        self._reigns: dict[int, tuple[int, int]] = {}
        self._stop = threading.Event()
        ready = threading.Event()
        self._dispatcher = threading.Thread(target=run, args=(settings, ready.set, self._stop), daemon=True)
        self._dispatcher.start()
        assert ready.wait(PATIENCE_S), "Expected the dispatcher to become ready"

    def start_worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker process and wait until the dispatcher has let it in."""
        ready = self.scratch / f"{name}-{time.monotonic_ns()}-ready"
        environment = {
            **os.environ,
            "HEADRACE_KAFKA": self.settings.kafka,
            "HEADRACE_NAMESPACE": self.settings.namespace,
            "HEADRACE_READY_FILE": str(ready),
            "HEADRACE_TEST_SCRATCH": str(self.scratch),
            "HEADRACE_EXECUTION_STOP_GRACE_MS": "500",
        }
        command = [sys.executable, "-m", "headrace", "service", "worker", "--app", str(APP), "--name", name]
        process = subprocess.Popen([*command, "--slots", "4"], env=environment)
        self.workers[name] = process
        self.until(lambda: ready.exists() or process.poll() is not None)
        return process

    def schedule(self, task: str, data: str, *, step: int, run: str = "run") -> None:
        """Schedule a task, as the decision service would."""
        event = TaskScheduled(
            workflow_id=f"w-{run}",
            run_id=run,
            step=step,
            attempt=1,
            node=task,
            task=task,
            queue="default",
            input=data.encode(),
            at=0,
        )
        self.decide(event.workflow_id, event)

    def decide(self, workflow_id: str, event: Message) -> None:
        """Append a record to a decision shard's journal."""
        shard = shard_of(workflow_id, self.shards)
        if shard not in self._reigns:
            started = CODEC.encode(EpochStarted(code_version=1, process="test", at=0))
            self._reigns[shard] = (self._append(shard, started, journal_headers(EPOCH_STARTED, 0)), 0)
        epoch, n = self._reigns[shard]
        self._reigns[shard] = (epoch, n + 1)
        record = JournalRecord(epoch=epoch, n=n + 1, at=0, positions=[], events=[event])
        self._append(shard, CODEC.encode(record), journal_headers(epoch, n + 1, ["x0"]))

    def until(self, condition: Callable[[], bool]) -> None:
        """Read what comes, and answer results, until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"Expected the condition to hold, but only saw {self.events}"
            for accepted in self._reader.poll(100, 20):
                self.events += accepted.record.events
            for record in self._source.poll(100, 20):
                message = CODEC.decode(record.value)
                assert message is not None
                self.records.append(message)
                if isinstance(message, CompleteTask):
                    self.decide(message.workflow_id, _end(message))

    def of(self, kind: type[T]) -> list[T]:
        """Return the messages of a kind that have come so far."""
        return [message for message in (*self.events, *self.records) if isinstance(message, kind)]

    def task_lines(self) -> list[LogLine]:
        """Return the lines of tasks; workers ship lines of their own as well."""
        return [line for line in self.of(LogLine) if line.workflow_id]

    def started(self, name: str) -> list[Path]:
        """Return a file for each time that `wait_for` has begun to wait for a name."""
        return list(self.scratch.glob(f"{name}-*-started"))

    def close(self) -> None:
        """End what was started."""
        for process in self.workers.values():
            process.kill()
            process.wait()
        self._stop.set()
        self._dispatcher.join(PATIENCE_S)
        self._source.close()
        self._reader.close()
        self._log.close()

    def _append(self, shard: int, value: bytes, headers: Any) -> int:
        offsets: list[int] = []
        self._producer.produce(
            topics.full_name(self.settings.namespace, topics.WORKFLOW_JOURNAL),
            value,
            partition=shard,
            headers=headers,
            on_delivery=lambda error, message: offsets.append(-1 if error else message.offset() or 0),
        )
        assert self._producer.flush(PATIENCE_S) == 0
        return offsets[0]


def _end(command: CompleteTask) -> TaskSucceeded:
    return TaskSucceeded(
        workflow_id=command.workflow_id,
        run_id=command.run_id,
        step=command.step,
        attempt=command.attempt,
        node="n",
        task="t",
        queue="default",
        output=command.output,
        assignment=command.assignment,
        worker=command.worker,
        started_at=0,
        ended_at=0,
        at=0,
    )


@pytest.fixture
def mill(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mill]:
    monkeypatch.setenv("HEADRACE_EXECUTION_WORKER_TIMEOUT_MS", "3000")
    mill = Mill(settings, tmp_path)
    yield mill
    mill.close()


def test_tasks_run_on_the_workers_that_there_are(mill: Mill) -> None:
    mill.schedule("add", '{"a": 0}', step=0)
    mill.until(lambda: bool(mill.of(TaskUnserved)))
    mill.start_worker("a")
    mill.start_worker("b")
    for step in range(1, 7):
        mill.schedule("add", f'{{"a": {step}}}', step=step, run=f"run-{step}")
    mill.until(lambda: len(mill.of(CompleteTask)) == 7)
    assert sorted(result.output for result in mill.of(CompleteTask)) == [str(n).encode() for n in range(1, 8)]
    assert {result.worker for result in mill.of(CompleteTask)} == {"a", "b"}
    mill.until(lambda: len(mill.task_lines()) == 7)
    assert {line.message for line in mill.task_lines()} == {f"adding {n} and 1" for n in range(7)}


def test_a_worker_that_is_told_to_stop_hands_back_and_leaves(mill: Mill) -> None:
    process = mill.start_worker("a")
    mill.schedule("wait_for", '"file"', step=0)
    mill.until(lambda: len(mill.started("file")) == 1)
    process.send_signal(signal.SIGTERM)
    mill.until(lambda: bool(mill.of(WorkerLeft)))
    assert [(event.reason, event.losses) for event in mill.of(TaskRequeued)] == [("handed_back", 0)]
    assert process.wait(PATIENCE_S) == 0
    (mill.scratch / "file").touch()
    mill.start_worker("b")
    mill.until(lambda: len(mill.of(CompleteTask)) == 1)
    assert not mill.of(WorkerLost)


def test_a_worker_that_is_killed_loses_its_task_to_another(mill: Mill) -> None:
    process = mill.start_worker("a")
    mill.schedule("wait_for", '"file"', step=0)
    mill.until(lambda: len(mill.started("file")) == 1)
    process.kill()
    mill.start_worker("b")
    mill.until(lambda: len(mill.started("file")) == 2)
    (mill.scratch / "file").touch()
    mill.until(lambda: len(mill.of(CompleteTask)) == 1)
    assert [event.worker for event in mill.of(TaskAssigned)] == ["a", "b"]
    assert [(event.worker, event.reason) for event in mill.of(WorkerLost)] == [("a", "silent")]


def test_a_task_that_kills_its_worker_is_poison_after_three(mill: Mill) -> None:
    mill.schedule("die", "{}", step=0)
    for life in range(1, 4):
        mill.start_worker("a").wait(PATIENCE_S)
        mill.until(lambda life=life: len(mill.of(TaskAssigned)) == life)  # type: ignore[misc]
    mill.until(lambda: bool(mill.of(AttemptLost)))
    (lost,) = mill.of(AttemptLost)
    assert (lost.losses, lost.poison) == (3, True)


def test_what_was_submitted_outside_is_polled_by_whoever_lives(mill: Mill) -> None:
    first = mill.start_worker("a")
    mill.schedule("export", '{"name": "file"}', step=0)
    mill.until(lambda: len(list(mill.scratch.glob("file-polled-*"))) == 1)
    first.kill()
    second = mill.start_worker("b")
    mill.until(lambda: len(list(mill.scratch.glob("file-polled-*"))) == 2)
    third = mill.start_worker("c")
    second.send_signal(signal.SIGTERM)
    mill.until(lambda: len(list(mill.scratch.glob("file-polled-*"))) == 3)
    assert second.wait(PATIENCE_S) == 0
    (mill.scratch / "file").touch()
    mill.until(lambda: len(mill.of(CompleteTask)) == 1)
    assert third.poll() is None
    assert [event.worker for event in mill.of(TaskAssigned)] == ["a", "b", "c"]
    assert len(list(mill.scratch.glob("file-submitted-*"))) == 1
    assert not list(mill.scratch.glob("file-cancelled"))


def test_the_crash_of_a_pools_process_leaves_its_worker_alone(mill: Mill) -> None:
    process = mill.start_worker("a")
    mill.schedule("crash", "{}", step=0)
    mill.until(lambda: len(mill.of(FailTask)) == 1)
    assert mill.of(FailTask)[0].error == "headrace.ProcessCrashed"
    mill.schedule("add", '{"a": 1}', step=1)
    mill.until(lambda: len(mill.of(CompleteTask)) == 1)
    assert process.poll() is None
    assert not mill.of(WorkerLost)
