"""Runs attempts: plain functions in threads or in processes of a pool, async functions on a loop. Each outcome is told
once, where it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import msgspec

from headrace.authoring.middleware import MiddlewareDefinition, call_async, call_plain
from headrace.authoring.outside import keeper
from headrace.authoring.task_calls import (
    Failed,
    InputMismatch,
    Outcome,
    Stopped,
    Succeeded,
    mismatch,
    raised,
    returned,
)
from headrace.authoring.task_context import StopFlag, TaskContext, running
from headrace.authoring.tasks import TaskDefinition
from headrace.contracts.dispatch_events import AttemptNotes
from headrace.contracts.task_events import TaskScheduled
from headrace.payloads.blobs import BlobUnavailable
from headrace.payloads.courier import Courier, TooLarge
from headrace.payloads.encryption import Unreadable
from headrace.runtime.telemetry import start_span, tracing
from headrace_execution.worker.contexts import context_of
from headrace_execution.worker.handles import HandleKeeper
from headrace_execution.worker.loop import LoopThread
from headrace_execution.worker.output import AttemptOutput, writing_to
from headrace_execution.worker.pages import JobId, Start
from headrace_execution.worker.pool_messages import Beat, Call, Io, Line, ToWorker
from headrace_execution.worker.pools import Pools
from headrace_execution.worker.threads import Threads

_log = logging.getLogger("headrace.worker")

_NO_SPAN = nullcontext("")
UNREADABLE = "headrace.PayloadUnreadable"
"""An input, or what was kept for an attempt, that this worker has no key for; another one may have it."""
BLOB_UNAVAILABLE = "headrace.BlobUnavailable"
"""A large input cannot be fetched, or a large output not stored; another try may find the store again."""

Ended = Callable[["Job", Outcome], None]
Keep = Callable[[JobId, bytes], None]
"""Has the handle of an async task's attempt kept; `Runner.kept` says when it is."""


class Job(msgspec.Struct, kw_only=True, eq=False):
    """An attempt that runs. `trace` is the traceparent of its span, once it has one."""

    id: JobId
    task: TaskScheduled
    output: AttemptOutput
    stop: StopFlag
    started_at: int
    noted: AttemptNotes | None = None
    keeper: HandleKeeper | None = None
    trace: str = ""


class Runner:
    """Starts and stops attempts. `ended` is called in the attempt's own thread or loop."""

    def __init__(
        self,
        tasks: Mapping[str, TaskDefinition[..., Any]],
        ended: Ended,
        *,
        payload_bytes: int,
        cause_bytes: int,
        cancel_grace_ms: int = 2_000,
        middleware: Sequence[MiddlewareDefinition] = (),
        pools: Pools | None = None,
        keep: Keep | None = None,
        note_bytes: int = 4_096,
        courier: Courier | None = None,
    ) -> None:
        self._tasks = tasks
        self._ended = ended
        self._payload_bytes = payload_bytes
        self._cause_bytes = cause_bytes
        self._middleware = tuple(middleware)
        self._pools = pools
        self._keep = keep
        self._note_bytes = note_bytes
        self._courier = courier or Courier()
        self._threads = Threads()
        self._loop = LoopThread(cancel_grace_ms / 1_000)
        self._jobs: dict[JobId, Job] = {}

    def start(self, start: Start, output: AttemptOutput, now_ms: int, known: Succeeded | None = None) -> None:
        """Begin an attempt. One whose result is `known` is not run again: that is its outcome."""
        task = start.assigned.task
        job = Job(
            id=start.job,
            task=task,
            output=output,
            stop=StopFlag(),
            started_at=now_ms,
            noted=start.assigned.noted,
            trace=task.trace,
        )
        if known is not None:
            self._ended(job, known)
            return
        definition = self._tasks.get(task.task)
        if definition is None:
            cause = f"Expected a task that this worker offers, but found {task.task}"
            self._ended(job, Failed(error="headrace.UnknownTask", cause=cause, retryable=False))
            return
        try:
            job.noted = self._courier.sealing.opened(job.noted) if job.noted is not None else None
        except Unreadable as error:
            self._tell(job, _not_readable(error))
            return
        self._jobs[job.id] = job
        if definition.outside is not None and self._keep is not None:
            before = job.noted.handle if job.noted is not None else b""
            job.keeper = HandleKeeper(before, partial(self._keep, job.id), self._note_bytes)
        if definition.is_async:
            self._loop.run(job.id, self._run_async(definition, job))
        elif definition.pool and self._pools is not None:
            self._threads.run(partial(self._run_pooled, self._pools, definition, job))
        else:
            self._threads.run(partial(self._run_plain, definition, job))

    def kept(self, job_id: JobId) -> None:
        """Tell an attempt that the handle of what it has submitted is kept."""
        job = self._jobs.get(job_id)
        if job is not None and job.keeper is not None:
            self._loop.call(job.keeper.confirm)

    def stop(self, job_id: JobId, *, elsewhere: bool = False) -> None:
        """Tell an attempt to end: a coroutine is cancelled, a thread sees `current().cancelled`.

        Where another worker goes on `elsewhere`, an async task leaves alone what it has submitted.
        """
        job = self._jobs.get(job_id)
        if job is not None:
            if job.keeper is not None:
                job.keeper.elsewhere = elsewhere
            job.stop.set()
            self._loop.cancel(job_id)
            if job.stop.has_callbacks:
                self._threads.run(job.stop.call_back)

    def settle(self) -> None:
        """Wait until the coroutines that were told to end have cleaned up; threads are not waited for."""
        self._loop.settle()

    def close(self) -> None:
        """Let go of threads and loop. What was submitted outside goes on: another worker will poll it."""
        for job in list(self._jobs.values()):
            job.stop.set()  # that the end of the process cancels it is no failure of its own
            if job.keeper is not None:
                job.keeper.elsewhere = True
        self._threads.close()
        self._loop.close()
        if self._pools is not None:
            self._pools.close()

    def _run_plain(self, definition: TaskDefinition[..., Any], job: Job) -> None:
        try:
            with self._span(job) as job.trace, running(self._context(job)), writing_to(job.output):
                value = call_plain(definition.function, self._unpacked(job), self._middleware)
            outcome = returned(job.task, value, self._payload_bytes, definition.function)
        except InputMismatch as error:
            outcome = mismatch(error)
        except (Unreadable, BlobUnavailable) as error:
            outcome = _not_readable(error)
        except BaseException as error:  # noqa: BLE001  sys.exit in a task fails the task, not the worker
            outcome = raised(error, self._cause_bytes)
        self._tell(job, outcome)

    async def _run_async(self, definition: TaskDefinition[..., Any], job: Job) -> None:
        if job.keeper is not None:
            keeper.set(job.keeper)
        try:
            with self._span(job) as job.trace, running(self._context(job)), writing_to(job.output):
                value = await call_async(definition.function, await self._unpacked_beside(job), self._middleware)
            outcome = returned(job.task, value, self._payload_bytes, definition.function)
        except InputMismatch as error:
            outcome = mismatch(error)
        except (Unreadable, BlobUnavailable) as error:
            outcome = _not_readable(error)
        except GeneratorExit:
            raise  # the process ends, and takes the coroutine with it
        except BaseException as error:  # noqa: BLE001  as above; out of here it would end the loop
            outcome = raised(error, self._cause_bytes)
        if isinstance(outcome, Succeeded) and self._courier.is_large(outcome):
            outcome = await asyncio.to_thread(self._packed, job, outcome)
        self._tell(job, outcome)

    def _run_pooled(self, pools: Pools, definition: TaskDefinition[..., Any], job: Job) -> None:
        try:
            call = Call(task=self._unpacked(job), assignment=job.id.number, noted=job.noted)
            with self._span(job) as job.trace:
                outcome = pools.run(definition.pool, call, job.stop, partial(_take, job.output))
        except (Unreadable, BlobUnavailable) as error:
            outcome = _not_readable(error)
        except BaseException as error:  # noqa: BLE001  a process that cannot be made fails the task
            outcome = raised(error, self._cause_bytes)
        self._tell(job, outcome)

    def _tell(self, job: Job, outcome: Outcome) -> None:
        self._jobs.pop(job.id, None)
        if job.stop.is_set() and isinstance(outcome, Failed):
            outcome = Stopped()
        try:
            if not isinstance(outcome, Stopped):
                outcome = self._packed(job, outcome)
            self._ended(job, outcome)
        except BaseException:
            _log.critical("attempt %s/%d could not be reported", job.task.run_id, job.task.step, exc_info=True)
            raise

    def _unpacked(self, job: Job) -> TaskScheduled:
        """Return an attempt's task with its input readable. Raises `Unreadable` or `BlobUnavailable`."""
        return self._courier.unpacked(job.task)

    async def _unpacked_beside(self, job: Job) -> TaskScheduled:
        """The same, without holding up the loop where something is fetched."""
        if self._courier.needs_fetching(job.task):
            return await asyncio.to_thread(self._unpacked, job)
        return self._unpacked(job)

    def _packed(self, job: Job, outcome: Succeeded | Failed) -> Succeeded | Failed:
        """Return an outcome as it goes into the log."""
        try:
            return self._courier.packed(outcome, job.task.workflow_id)
        except BlobUnavailable as error:
            failed = Failed(error=BLOB_UNAVAILABLE, cause=str(error))
        except TooLarge as error:
            failed = Failed(error="headrace.OutputTooLarge", cause=str(error))
        return self._courier.sealing.sealed(failed, job.task.workflow_id)

    def _span(self, job: Job) -> AbstractContextManager[str]:
        task = job.task
        if not tracing():
            return start_span("", task.trace) if task.trace else _NO_SPAN
        attributes: dict[str, str | int | float | bool] = {
            "headrace.workflow_id": task.workflow_id,
            "headrace.run_id": task.run_id,
            "headrace.step": task.step,
            "headrace.attempt": task.attempt,
            "headrace.queue": task.queue,
        }
        return start_span(f"task {task.task}", task.trace, attributes, "consumer")

    def _context(self, job: Job) -> TaskContext:
        return context_of(job.task, job.id.number, job.noted, job.output, job.stop)


def _not_readable(error: Exception) -> Failed:
    name = UNREADABLE if isinstance(error, Unreadable) else BLOB_UNAVAILABLE
    return Failed(error=name, cause=str(error))


def _take(output: AttemptOutput, message: ToWorker) -> None:
    """Pass on what an attempt in a process says."""
    match message:
        case Line():
            output.line(message.level, message.message)
        case Beat():
            output.heartbeat(msgspec.json.decode(message.details))
        case Io():
            output.record_io(rows=message.rows, bytes=message.bytes, dataset=message.dataset)
