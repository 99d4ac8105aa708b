"""The worker's loop: read what is assigned, run it, send results, report. One thread; tasks have their own.

Results go out from the thread in which a task ended, so that nothing waits for this loop; what they mean is decided by
the book (`headrace_execution.worker.book`), under one lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from headrace.authoring.task_calls import Outcome, Stopped, Succeeded, kept_bytes
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.headers import TRACEPARENT, Headers
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import Gauge
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_COMMANDS
from headrace.payloads.sealing import Sealing
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.ports import Clock, Log
from headrace.shard.reading import Begin, JournalReader
from headrace_execution.worker.book import Book
from headrace_execution.worker.outbox import Outbox
from headrace_execution.worker.output import AttemptOutput
from headrace_execution.worker.pages import DETAILS, HANDLE, Action, JobId, Kept, Quit, Start, Stop
from headrace_execution.worker.remembered import Remembered
from headrace_execution.worker.runner import Job, Runner
from headrace_execution.worker.shipping import Shipping

_log = logging.getLogger("headrace.worker")
_FLUSH_S = 5.0
_IDLE_WAIT_MS = 100


class WorkerReplaced(Exception):
    """Another process has taken this worker's name."""


class Worker:
    """Steps one worker. `start` first; then `step` until `done`."""

    def __init__(
        self,
        log: Log,
        outbox: Outbox,
        book: Book,
        clock: Clock,
        *,
        decision_shards: int,
        settings: ExecutionSettings,
        codec: Codec | None = None,
        topic_ids: dict[str, str] | None = None,
        gauges: Callable[[], list[Gauge]] = list,
        sealing: Sealing | None = None,
    ) -> None:
        self._outbox = outbox
        self._book = book
        self._clock = clock
        self._decision_shards = decision_shards
        self._settings = settings
        self._codec = codec or Codec()
        self._sealing = sealing or Sealing()
        self._lock = threading.Lock()
        self._remembered = Remembered(settings.remembered_results_bytes)
        self._shipping = Shipping(
            outbox, self._codec, clock, book.worker, decision_shards=decision_shards, limit=settings.log_in_flight
        )
        addressee = f"w:{book.worker}"
        self._reader = JournalReader(
            log,
            [TASK_JOURNAL],
            name=f"worker-{book.worker}",
            wants=lambda to: addressee in to,
            codec=self._codec,
            clock=clock,
            topic_ids=topic_ids,
        )
        self._gauges = gauges
        self._runner: Runner | None = None
        self._at_end = False
        self._next_report = 0
        self._reporting: set[int] = set()
        self._grace_over: int | None = None

    def start(self, runner: Runner, stop: threading.Event | None = None) -> None:
        """Begin to read. Raises `LogAway` when told to stop before the log answered."""
        self._runner = runner
        self._reader.start(otherwise=Begin.LAST_REIGN, stop=stop)

    @property
    def joined(self) -> bool:
        """Tell whether every dispatcher shard that matters has let the worker in."""
        return self._book.all_joined

    @property
    def done(self) -> bool:
        """Tell whether a worker that was told to stop holds nothing more, or has waited long enough."""
        if self._grace_over is None:
            return False
        with self._lock:
            return self._book.is_empty or self._clock.monotonic_ms() >= self._grace_over

    def step(self, wait_ms: int = _IDLE_WAIT_MS) -> None:
        """Go round once; wait at most `wait_ms` for assignments.

        Raises:
            WorkerReplaced: another process has the name now.
            OutboxBroken: the producer has failed for good.
            PositionLost: the journal is not what it was.
        """
        self._outbox.poll()
        accepted = self._reader.poll(wait_ms=wait_ms)
        for record in accepted:
            with self._lock:
                actions = self._book.read(record.partition.partition, record.position.offset, record.record.events)
            self._act(actions)
        self._outbox.poll()
        self._report()

    def stop(self) -> None:
        """Take nothing more; from here on the grace period runs."""
        with self._lock:
            actions = self._book.stop()
        self._act(actions)
        self._grace_over = self._clock.monotonic_ms() + self._settings.stop_grace_ms

    def leave(self) -> None:
        """Hand back what has not ended, and say goodbye."""
        assert self._runner is not None
        with self._lock:
            actions = self._book.hand_back()
        self._act(actions)
        self._runner.settle()  # another worker begins only when a coroutine here has cleaned up
        with self._lock:
            left = [page.shard for page in self._book.pages.values() if page.joined]
            messages = [(shard, self._book.report(shard, self._clock.now_ms())) for shard in left]
            goodbyes = [(shard, self._book.goodbye(shard, self._clock.now_ms())) for shard in left]
        for shard, message in (*messages, *goodbyes):
            self._outbox.send(WORKER_REPORTS, shard, self._book.worker, self._codec.encode(message))
        if not self._outbox.flush(_FLUSH_S):
            _log.warning("Kafka did not take the worker's last reports; the dispatcher will find out by itself")
        self._reader.close()

    def keep(self, job: JobId, handle: bytes) -> None:
        """Have the handle of an async task's attempt kept. Called where it runs."""
        with self._lock:
            self._book.note(job, HANDLE, self._sealing.sealed_data(handle))

    # --- jobs ------------------------------------------------------------------------------------------------

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Send what became of a job. Called where it ended."""
        job.output.close()
        if isinstance(outcome, Succeeded) and outcome.io is None:
            io = job.output.io(len(job.task.input), len(outcome.output))
            outcome = outcome if io is None else msgspec.structs.replace(outcome, io=io)
        with self._lock:
            wanted = self._book.may_send(job.id, success=isinstance(outcome, Succeeded))
            if wanted and isinstance(outcome, Succeeded):
                self._remembered.keep(job.task, outcome)
        if not wanted or isinstance(outcome, Stopped):
            return
        command = self._command(job, outcome)
        workflow_id = job.task.workflow_id
        partition = shard_of(workflow_id, self._decision_shards)
        headers: Headers = [(TRACEPARENT, job.trace.encode())] if job.trace else []
        self._outbox.send(
            WORKFLOW_COMMANDS,
            partition,
            workflow_id,
            self._codec.encode(command),
            headers,
            partial(self._acknowledged, job.id, partition),
        )

    def _command(self, job: Job, outcome: Outcome) -> CompleteTask | FailTask:
        task, now = job.task, self._clock.now_ms()
        command_id = f"{task.run_id}/{task.step}/{task.attempt}/{job.id.number}"
        if isinstance(outcome, Succeeded):
            return CompleteTask(
                command_id=command_id,
                workflow_id=task.workflow_id,
                issued_at=now,
                run_id=task.run_id,
                step=task.step,
                attempt=task.attempt,
                assignment=job.id.number,
                worker=self._book.worker,
                output=outcome.output,
                content_type=outcome.content_type,
                started_at=job.started_at,
                ended_at=now,
                io=outcome.io,
            )
        assert not isinstance(outcome, Stopped)
        return FailTask(
            command_id=command_id,
            workflow_id=task.workflow_id,
            issued_at=now,
            run_id=task.run_id,
            step=task.step,
            attempt=task.attempt,
            assignment=job.id.number,
            worker=self._book.worker,
            error=outcome.error,
            cause=outcome.cause,
            retryable=outcome.retryable,
            bases=outcome.bases,
            started_at=job.started_at,
            ended_at=now,
            io=job.output.io(len(task.input), 0),
        )

    def _acknowledged(self, job: JobId, partition: int, offset: int) -> None:
        with self._lock:
            self._book.acknowledged(job, partition, offset)

    def _beat(self, job: JobId, details: Any) -> None:
        data = kept_bytes(details, self._settings.note_limit_bytes, "details of a heartbeat")
        with self._lock:
            self._book.beat(job)
            if data:
                self._book.note(job, DETAILS, self._sealing.sealed_data(data))

    def _act(self, actions: list[Action]) -> None:
        assert self._runner is not None
        for action in actions:
            match action:
                case Start():
                    known = self._remembered.result_of(action.assigned.task)
                    self._runner.start(action, self._output(action), self._clock.now_ms(), known)
                case Stop():
                    self._runner.stop(action.job, elsewhere=action.elsewhere)
                case Kept():
                    self._runner.kept(action.job)
                case Quit():
                    raise WorkerReplaced(action.reason)

    def _output(self, start: Start) -> AttemptOutput:
        return AttemptOutput(
            self._shipping.of(start.assigned.task),
            partial(self._beat, start.job),
            line_bytes=self._settings.log_line_limit_bytes,
            limit_bytes=self._settings.log_limit_bytes,
            datasets=self._settings.io_datasets,
        )

    # --- reports ---------------------------------------------------------------------------------------------

    def _report(self) -> None:
        """Report at each interval, and at once where somebody waits for it; one report per shard is under way."""
        if not self._at_end:
            self._at_end = self._reader.at_end()
            if not self._at_end:
                return  # it says hello only when it has read what was assigned to an earlier life
        now = self._clock.monotonic_ms()
        due = now >= self._next_report
        if due:
            self._next_report = now + self._settings.report_interval_ms
        for page in self._book.pages.values():
            if not (due or page.urgent) or page.shard in self._reporting:
                continue
            if self._book.stopping and not page.joined:
                continue
            # One shard is enough to tell how the worker is: the first one that is told at each interval.
            gauges = self._gauges() if due and page.joined else []
            with self._lock:
                message = self._book.report(page.shard, self._clock.now_ms(), gauges)
            self._reporting.add(page.shard)
            self._outbox.send(
                WORKER_REPORTS,
                page.shard,
                self._book.worker,
                self._codec.encode(message),
                None,
                lambda _, shard=page.shard: self._reporting.discard(shard),  # type: ignore[misc]
            )
