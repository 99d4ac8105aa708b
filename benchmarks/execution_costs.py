"""`python -m benchmarks.execution_costs`: microseconds of CPU per task of the dispatcher and of a worker.

Without Kafka, but both are the real ones, over the in-memory log: the dispatcher with its whole shard host, the worker
with its threads. What decides would do is played, outside of the measurement. *Batch* is how many tasks share a journal
record: few where the load is low, many where it is high.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from itertools import count, islice
from time import process_time

from headrace import task
from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned
from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.reports import QueueOffer, WorkerHello
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.worker_events import WorkerJoined
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.clock import ManualClock, SystemClock
from headrace.shard.host import ShardHost
from headrace.shard.memory import MemoryLog
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.ports import Clock, TopicPartition
from headrace_execution.dispatcher.wiring import dispatcher_role
from headrace_execution.worker.book import Book
from headrace_execution.worker.outbox import MemoryOutbox
from headrace_execution.worker.output import captured
from headrace_execution.worker.runner import Runner
from headrace_execution.worker.wiring import offers_by_shard, tasks_by_name
from headrace_execution.worker.worker import Worker

_CODEC = Codec()
_TASKS, _OPEN = 20_000, 500
_WORKER, _SESSION = "worker", "process-1"


@task(queue="bench")
def pass_on(value: int) -> dict[str, int]:
    """Return the value."""
    return {"value": value}


class Journal:
    """A journal that is played: one reign, record after record."""

    def __init__(self, clock: Clock, topic: str, addressee: str) -> None:
        """Make a log, and begin the reign."""
        self.clock = clock
        self.log = MemoryLog.of_namespace(clock, decision_shards=1)
        self._topic, self._addressees, self._n = topic, [addressee], 0
        started = EpochStarted(code_version=1, process="played", at=clock.now_ms())
        self._epoch = self._append(started, EPOCH_STARTED, 0)

    def put(self, events: Iterable[Message]) -> None:
        """Append a record."""
        self._n += 1
        at = self.clock.now_ms()
        record = JournalRecord(epoch=self._epoch, n=self._n, at=at, positions=[], events=list(events))
        self._append(record, self._epoch, self._n)

    def task(self, number: int) -> TaskScheduled:
        """Return a task that is ready, of a workflow of its own."""
        return TaskScheduled(
            workflow_id=f"bench-{number:016x}",
            run_id=f"{number:016x}",
            step=1,
            attempt=1,
            node="second",
            task=pass_on.name,
            queue="bench",
            input=b"7",
            at=self.clock.now_ms(),
        )

    def _append(self, message: Message, epoch: int, n: int) -> int:
        headers = journal_headers(epoch, n, self._addressees)
        return self.log.append(self._topic, 0, _CODEC.encode(message), headers=headers)


def dispatcher_us(batch: int, slots: int) -> float:
    """Return what the dispatcher costs per task while 500 are open, all assigned or most of them waiting for slots."""
    clock = ManualClock()
    journal = Journal(clock, WORKFLOW_JOURNAL, "x0")
    role = dispatcher_role(1, ExecutionSettings())
    host = ShardHost(role, journal.log, MemoryGroup(1).join("dispatcher"), clock, codec=_CODEC)
    offers = [QueueOffer(queue="bench", slots=slots, tasks=[pass_on.name])]
    hello = WorkerHello(worker=_WORKER, session=_SESSION, offers=offers, read_offset=0, sent_at=clock.now_ms())
    journal.log.append(WORKER_REPORTS, 0, _CODEC.encode(hello))
    numbers, used, done = count(1), 0.0, 0
    journal.put(journal.task(number) for number in islice(numbers, _OPEN))
    while not host.ready() or host.step():
        clock.advance(1)
        host.step()
    fold = host.shards[0].fold
    assert fold is not None
    while done < _TASKS:
        assert fold.state.workers, "Expected the worker to be there to the end, but it was lost"
        ending = list(islice(fold.state.assignments.values(), 8 * batch))
        for first in range(0, len(ending), batch):
            some = ending[first : first + batch]
            ends = [task_ended(each.attempt.task, each.number) for each in some]
            journal.put([*ends, *(journal.task(number) for number in islice(numbers, len(some)))])
        done += len(ending)
        began = process_time()
        while host.step():
            continue
        used += process_time() - began
        clock.advance(1)  # in all less than a worker may be silent
    return used / done * 1e6


def worker_us(batch: int) -> float:
    """Return what a worker costs per task; it has nothing else to do until all of a batch have sent their results."""
    journal = Journal(SystemClock(), TASK_JOURNAL, f"w:{_WORKER}")
    tasks = tasks_by_name([pass_on])
    book = Book(_WORKER, _SESSION.partition("-")[0], offers_by_shard(tasks, ["bench"], batch, 1))
    outbox, settings = MemoryOutbox(journal.log), ExecutionSettings()
    worker = Worker(journal.log, outbox, book, journal.clock, decision_shards=1, settings=settings, codec=_CODEC)
    runner = Runner(tasks, worker.ended, payload_bytes=10_000, cause_bytes=1_000)
    worker.start(runner)
    journal.put([WorkerJoined(worker=_WORKER, session=_SESSION, offers=[], at=journal.clock.now_ms())])
    while not worker.joined:
        worker.step(0)
    results, done, used = TopicPartition(WORKFLOW_COMMANDS, 0), 0, 0.0
    with captured():
        while done < _TASKS:
            now = journal.clock.now_ms()
            numbers = range(done + 1, done + batch + 1)
            ended = AssignmentsEnded(assignments=list(range(max(done - batch, 0) + 1, done + 1)), at=now)
            journal.put([*([ended] if done else []), *(_assigned(journal, number) for number in numbers)])
            done += batch
            began = process_time()
            worker.step(0)
            while journal.log.bounds([results])[results].end < done:
                time.sleep(0.0005)
            worker.step(0)
            used += process_time() - began
    runner.close()
    return used / done * 1e6


def _assigned(journal: Journal, number: int) -> TaskAssigned:
    now = journal.clock.now_ms()
    return TaskAssigned(assignment=number, worker=_WORKER, session=_SESSION, task=journal.task(number), shard=0, at=now)


def task_ended(task: TaskScheduled, assignment: int) -> TaskSucceeded:
    """Return the end of a task that its worker has succeeded with."""
    return TaskSucceeded(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        node=task.node,
        task=task.task,
        queue=task.queue,
        output=b'{"value":7}',
        assignment=assignment,
        worker=_WORKER,
        started_at=task.at,
        ended_at=task.at,
        at=task.at,
    )


def main() -> None:
    """Print the table."""
    sys.stdout.write("| batch | dispatcher | dispatcher, tasks wait for slots | worker |\n|---|---|---|---|\n")
    for batch in (2, 16, 64):
        figures = (dispatcher_us(batch, 2 * _OPEN), dispatcher_us(batch, _OPEN // 5), worker_us(batch))
        sys.stdout.write(f"| {batch} | {' | '.join(f'{figure:.0f}' for figure in figures)} |\n")


if __name__ == "__main__":
    main()
