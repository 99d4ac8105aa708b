"""A dispatcher and workers on the in-memory log, with a decision service that is played by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from headrace.authoring.middleware import MiddlewareDefinition
from headrace.authoring.tasks import TaskDefinition
from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.headers import EPOCH_STARTED, journal_headers, journal_position
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.log_lines import LogLine
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import Gauge
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded
from headrace.payloads.courier import Courier
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.clock import ManualClock
from headrace.shard.host import ShardHost
from headrace.shard.memory import MemoryLog
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.reader_rule import START, Verdict, judge
from headrace_execution.dispatcher.wiring import dispatcher_role
from headrace_execution.worker.book import Book
from headrace_execution.worker.outbox import MemoryOutbox
from headrace_execution.worker.pool_setup import pools_of
from headrace_execution.worker.runner import Runner
from headrace_execution.worker.wiring import offers_by_shard, tasks_by_name
from headrace_execution.worker.worker import Worker

CODEC = Codec()
DECISION_SHARDS = 2
T = TypeVar("T", bound=Message)
_PATIENCE_S = 20.0


class Mill:
    """Steps everything in the test's thread; only tasks have threads of their own."""

    def __init__(self, settings: ExecutionSettings | None = None, courier: Courier | None = None) -> None:
        self.settings = settings or ExecutionSettings()
        self.courier = courier or Courier()
        self.clock = ManualClock()
        self.log = MemoryLog.of_namespace(self.clock, decision_shards=DECISION_SHARDS)
        self.group = MemoryGroup(1)
        self.workers: dict[str, Worker] = {}
        self.runners: list[Runner] = []
        self.steps = 0
        self._reigns: dict[int, tuple[int, int]] = {}
        self._answered = dict.fromkeys(range(DECISION_SHARDS), 0)
        self._processes = 0
        self._dispatcher_name = ""
        self.dispatcher = self.take_over()

    def take_over(self) -> ShardHost:
        """Start a dispatcher process; one that ran before is gone."""
        self._processes += 1
        self.group.expel(self._dispatcher_name)
        self._dispatcher_name = f"dispatcher-{self._processes}"
        role = dispatcher_role(1, self.settings, decision_shards=DECISION_SHARDS)
        member = self.group.join(self._dispatcher_name)
        self.dispatcher = ShardHost(role, self.log, member, self.clock, codec=CODEC)
        return self.dispatcher

    def start_worker(
        self,
        name: str,
        tasks: list[TaskDefinition[..., Any]],
        *,
        slots: int = 4,
        payload_bytes: int = 10_000,
        middleware: Sequence[MiddlewareDefinition] = (),
        gauges: Callable[[], list[Gauge]] = list,
    ) -> Worker:
        """Start a worker and wait until it has joined."""
        worker = self.new_worker(
            name, tasks, slots=slots, payload_bytes=payload_bytes, middleware=middleware, gauges=gauges
        )
        self.until(lambda: worker.joined)
        return worker

    def new_worker(
        self,
        name: str,
        tasks: list[TaskDefinition[..., Any]],
        *,
        slots: int = 4,
        payload_bytes: int = 10_000,
        middleware: Sequence[MiddlewareDefinition] = (),
        gauges: Callable[[], list[Gauge]] = list,
    ) -> Worker:
        """Start a worker process; one of that name is not stepped any more."""
        self._processes += 1
        by_name = tasks_by_name(tasks)
        offers = offers_by_shard(by_name, ["default"], slots, 1)
        worker = Worker(
            self.log,
            MemoryOutbox(self.log),
            Book(name, f"process-{self._processes}", offers),
            self.clock,
            decision_shards=DECISION_SHARDS,
            settings=self.settings,
            codec=CODEC,
            gauges=gauges,
            sealing=self.courier.sealing,
        )
        runner = Runner(
            by_name,
            worker.ended,
            payload_bytes=payload_bytes,
            cause_bytes=1_000,
            cancel_grace_ms=self.settings.cancel_grace_ms,
            middleware=middleware,
            pools=pools_of(tasks, middleware, self.settings, payload_bytes=payload_bytes, cause_bytes=1_000),
            keep=worker.keep,
            note_bytes=self.settings.note_limit_bytes,
            courier=self.courier,
        )
        self.runners.append(runner)
        worker.start(runner)
        self.workers[name] = worker
        return worker

    def step(self) -> None:
        """Let everybody go round once, and time pass a little."""
        self.clock.advance(20)
        self.dispatcher.step()
        for worker in list(self.workers.values()):
            worker.step(wait_ms=0)

    def until(self, condition: Callable[[], bool], *, answering: bool = True) -> None:
        """Step until a condition holds. Tasks run in real time, so the limit is one of real time."""
        pause = threading.Event()
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "Expected the condition to hold in time, but it does not"
            self.step()
            if answering:
                self.answer()
            pause.wait(0.001)

    def pass_time(self, by_ms: int) -> None:
        """Let time pass in small steps."""
        for _ in range(by_ms // 20):
            self.step()

    def close(self) -> None:
        """Let go of threads."""
        for runner in self.runners:
            runner.close()

    # --- the decision service -----------------------------------------------------------------------------------------

    def schedule(self, task: str, data: bytes = b"null", *, run: str = "run", **options: Any) -> TaskScheduled:
        """Schedule a task under the next step number."""
        self.steps += 1
        workflow_id = f"w-{run}"
        event = TaskScheduled(
            **{
                "workflow_id": workflow_id,
                "run_id": run,
                "step": self.steps,
                "attempt": 1,
                "node": task,
                "task": task,
                "queue": "default",
                "input": data,
                "at": self.clock.now_ms(),
                **options,
            }
        )
        self.decide(workflow_id, event)
        return event

    def decide(self, workflow_id: str, *events: Message, passed: int | None = None) -> None:
        """Append a record to the journal of a workflow's decision shard, addressed to the dispatcher."""
        shard = shard_of(workflow_id, DECISION_SHARDS)
        if shard not in self._reigns:
            started = EpochStarted(code_version=1, process="test", at=self.clock.now_ms())
            epoch = self.log.append(
                topics.WORKFLOW_JOURNAL, shard, CODEC.encode(started), headers=journal_headers(EPOCH_STARTED, 0)
            )
            self._reigns[shard] = (epoch, 0)
        epoch, n = self._reigns[shard]
        self._reigns[shard] = (epoch, n + 1)
        moved = [InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=shard, offset=passed)] if passed else []
        record = JournalRecord(epoch=epoch, n=n + 1, at=self.clock.now_ms(), positions=moved, events=list(events))
        self.log.append(
            topics.WORKFLOW_JOURNAL, shard, CODEC.encode(record), headers=journal_headers(epoch, n + 1, ["x0"])
        )

    def answer(self) -> None:
        """Count every result that came in, as the decision service would for an open attempt."""
        for shard, done in self._answered.items():
            records = self.log.records(topics.WORKFLOW_COMMANDS, shard)
            self._answered[shard] = len(records)
            for record in records[done:]:
                command = CODEC.decode(record.value)
                assert isinstance(command, CompleteTask | FailTask)
                self.decide(command.workflow_id, _end(command), passed=record.offset)

    def results(self) -> list[CompleteTask | FailTask]:
        """Return all results that workers have sent, by step."""
        found = [
            CODEC.decode(record.value)
            for shard in range(DECISION_SHARDS)
            for record in self.log.records(topics.WORKFLOW_COMMANDS, shard)
        ]
        return sorted((each for each in found if isinstance(each, CompleteTask | FailTask)), key=lambda each: each.step)

    # --- what is seen --------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        """Return the events of a kind from the dispatcher's journal, by the reader's rule."""
        found: list[T] = []
        position = START
        for record in self.log.records(topics.TASK_JOURNAL, 0):
            verdict, position = judge(position, record.offset, journal_position(record.headers))
            if verdict is Verdict.ACCEPT:
                message = CODEC.decode(record.value)
                assert isinstance(message, JournalRecord)
                found += [event for event in message.events if isinstance(event, kind)]
        return found

    def lines(self) -> list[LogLine]:
        """Return what tasks have printed and logged, by step."""
        found = [
            CODEC.decode(record.value)
            for shard in range(DECISION_SHARDS)
            for record in self.log.records(topics.LOGS, shard)
        ]
        return sorted((line for line in found if isinstance(line, LogLine)), key=lambda line: line.step)

    def reports(self) -> list[Message]:
        """Return what workers have reported."""
        return [CODEC.decode(record.value) for record in self.log.records(topics.WORKER_REPORTS, 0)]


def _end(command: CompleteTask | FailTask) -> TaskSucceeded | TaskFailed:
    common: dict[str, Any] = {
        "workflow_id": command.workflow_id,
        "run_id": command.run_id,
        "step": command.step,
        "attempt": command.attempt,
        "node": "n",
        "task": "t",
        "queue": "default",
        "assignment": command.assignment,
        "worker": command.worker,
        "at": 0,
    }
    if isinstance(command, CompleteTask):
        return TaskSucceeded(**common, output=command.output, started_at=0, ended_at=0)
    return TaskFailed(**common, error=command.error, cause=command.cause)
