"""Workers: the real loop and book over an outbox and a pool that the simulation drives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from headrace.authoring.task_calls import Failed, Outcome, Stopped, Succeeded
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.headers import Headers
from headrace.contracts.message import Message
from headrace.contracts.reports import QueueOffer
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.memory import MemoryLog
from headrace_execution.worker.book import Book
from headrace_execution.worker.pages import JobId, Start
from headrace_execution.worker.worker import Worker
from tests.simulation.broker import SimLog
from tests.simulation.clocks import ProcessClock
from tests.simulation.workflows.tasks import verdict_of

CODEC = Codec()
_SLOW_MS = 3_000
"""What slow and silent tasks take at their first attempt: twice their limits."""


class Letter(msgspec.Struct, kw_only=True, eq=False):
    """A record on its way from a worker."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Headers
    acknowledged: Callable[[int], None] | None


class SimOutbox:
    """Sends when the scheduler says so (`headrace_execution.worker.outbox.Outbox`)."""

    def __init__(self, log: SimLog, random: Random) -> None:
        self._random = random
        self.letters: deque[Letter] = deque()
        self._acks: deque[tuple[Callable[[int], None], int]] = deque()
        self._log = log

    def send(
        self,
        topic: str,
        partition: int,
        key: str,
        value: bytes,
        headers: Headers | None = None,
        acknowledged: Callable[[int], None] | None = None,
    ) -> None:
        """Begin to send."""
        self.letters.append(
            Letter(
                topic=topic,
                partition=partition,
                key=key.encode(),
                value=value,
                headers=headers or [],
                acknowledged=acknowledged,
            )
        )

    def post(self) -> Letter | None:
        """Let the oldest record for some partition arrive, and return it: between partitions there is no order."""
        if not self.letters or self._log.away:
            return None
        first: dict[tuple[str, int], Letter] = {}
        for waiting in self.letters:
            first.setdefault((waiting.topic, waiting.partition), waiting)
        letter = self._random.choice(list(first.values()))
        self.letters.remove(letter)
        offset = self._log.append(letter.topic, letter.partition, letter.value, key=letter.key, headers=letter.headers)
        if letter.acknowledged is not None:
            self._acks.append((letter.acknowledged, offset))
        return letter

    def poll(self) -> None:
        """Call back for what has arrived."""
        while self._acks:
            acknowledged, offset = self._acks.popleft()
            acknowledged(offset)

    def flush(self, timeout_s: float) -> bool:
        """Let everything arrive."""
        while self.post() is not None:
            continue
        self.poll()
        return not self.letters


class SimJob(msgspec.Struct, kw_only=True, eq=False):
    """An attempt that runs (as `headrace_execution.worker.runner.Job`). `ends_at` is in the worker's monotonic ms."""

    id: JobId
    task: Any
    output: Any
    started_at: int
    ends_at: int
    stopped: bool = False
    handle: bytes = b""
    """Of work that is done outside; it is polled once the journal holds it."""
    polls: bool = True
    trace: str = ""


class SimPool:
    """Runs attempts without threads (`headrace_execution.worker.runner.Runner`)."""

    def __init__(self, worker: WorkerProcess, random: Random, work_ms: tuple[int, ...]) -> None:
        self._work_ms = work_ms
        self._submitted = 0
        self.jobs: dict[JobId, SimJob] = {}
        self._worker = worker
        self._random = random

    def start(self, start: Start, output: Any, now_ms: int, known: Succeeded | None = None) -> None:
        """Begin an attempt; one whose result is known ends at once."""
        task = start.assigned.task
        if known is not None:
            job = SimJob(id=start.job, task=task, output=output, started_at=now_ms, ends_at=now_ms)
            self._worker.worker.ended(job, known)  # type: ignore[arg-type]
            return
        lasts = self._random.choice(self._work_ms)
        if task.attempt == 1 and task.task in ("slow", "silent"):
            lasts = _SLOW_MS
        ends_at = self._worker.clock.monotonic_ms() + lasts
        job = SimJob(id=start.job, task=task, output=output, started_at=now_ms, ends_at=ends_at)
        self.jobs[start.job] = job
        if task.task == "outside":
            self._submit(job, start)

    def _submit(self, job: SimJob, start: Start) -> None:
        """Begin the work outside, unless another worker did: then poll on under its handle."""
        noted = start.assigned.noted
        if noted is not None and noted.handle:
            job.handle = noted.handle
            return
        self._submitted += 1
        job.handle, job.polls = f"{self._worker.process}/{self._submitted}".encode(), False
        self._worker.worker.keep(job.id, job.handle)

    def kept(self, job_id: JobId) -> None:
        """The journal holds a handle: from here on it is polled."""
        if job_id in self.jobs:
            self.jobs[job_id].polls = True

    def stop(self, job_id: JobId, *, elsewhere: bool = False) -> None:
        """Tell an attempt to end; some do not listen."""
        job = self.jobs.get(job_id)
        if job is not None:
            job.polls = True  # who waits for its handle to be kept is woken, whether it listens or not
            job.stopped = job.stopped or self._random.random() < 0.7

    def settle(self) -> None:
        """Nothing has to clean up."""

    def run(self) -> bool:
        """End the attempts that are over; False when there was none. A deadly task ends the worker."""
        now = self._worker.clock.monotonic_ms()
        for job in list(self.jobs.values()):
            if job.task.heartbeat_ms and not (job.task.task == "silent" and job.task.attempt == 1):
                job.output.heartbeat({"assignment": job.id.number})
            if job.stopped or (job.polls and job.ends_at <= now):
                del self.jobs[job.id]
                if job.task.task == "deadly" and not job.stopped:
                    self._worker.deadly(job.task)
                    if self._worker.dead:
                        return True
                self._worker.worker.ended(job, self._outcome(job))  # type: ignore[arg-type]
                return True
        return False

    def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def _outcome(job: SimJob) -> Outcome:
        if job.stopped:
            return Stopped()
        found = verdict_of(job.task)
        if found.error:
            return Failed(error=found.error, cause="because", retryable=found.retryable)
        return Succeeded(output=found.output)


class WorkerProcess:
    """One worker process."""

    def __init__(
        self,
        name: str,
        process: str,
        log: SimLog,
        clock: ProcessClock,
        offers: dict[int, list[QueueOffer]],
        *,
        decision_shards: int,
        settings: ExecutionSettings,
        random: Random,
        work_ms: tuple[int, ...],
        labels: dict[str, str],
        deadly: Callable[[Any], None],
    ) -> None:
        self.name = name
        self.process = process
        self.clock = clock
        self.paused = False
        self.cut_off_until = 0
        """Until then (in its monotonic ms) nothing that it sends arrives, while it goes on and hears everything."""
        self.dead = False
        self.deadly = deadly
        self.outbox = SimOutbox(log, random)
        self.pool = SimPool(self, random, work_ms)
        self.stopping = False
        """Whether it was told to stop."""
        self.book = Book(name, process, offers, labels=labels)
        shared: MemoryLog = log
        self.worker = Worker(
            shared, self.outbox, self.book, clock, decision_shards=decision_shards, settings=settings, codec=CODEC
        )
        runner: Any = self.pool
        self.worker.start(runner)

    @property
    def sends(self) -> bool:
        """Tell whether it has something to send, and can."""
        cut_off = self.clock.monotonic_ms() < self.cut_off_until
        return bool(self.outbox.letters) and not (self.paused or cut_off)

    def stop(self) -> None:
        """Tell it to stop."""
        if not self.stopping:
            self.stopping = True
            self.worker.stop()

    def step(self) -> bool:
        """Go round once."""
        if self.paused or self.dead:
            return False
        self.worker.step(wait_ms=0)
        return self.pool.run()


def is_result(letter: Letter) -> bool:
    """Tell whether a record is a task's result, which may be sent twice."""
    if letter.topic != WORKFLOW_COMMANDS:
        return False
    message: Message = CODEC.decode(letter.value)
    return isinstance(message, CompleteTask | FailTask)
