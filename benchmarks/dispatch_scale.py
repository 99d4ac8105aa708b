"""`python -m benchmarks.dispatch_scale`: a dispatcher shard with many tasks: spread, order, rate, memory, restart.

Without Kafka: the real dispatcher with its whole shard host over the in-memory log. What workers and the decision
service would do is played, outside of the measurement. Spread and order are read from the journal that was written.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from itertools import count, islice
from pathlib import Path
from time import process_time

import msgspec

from benchmarks.execution_costs import Journal, task_ended
from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.journal import JournalRecord
from headrace.contracts.reports import QueueOffer, WorkerHello
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_JOURNAL
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.clock import ManualClock
from headrace.shard.host import ShardHost
from headrace.shard.memory_group import MemoryGroup
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.wiring import dispatcher_role

_CODEC = Codec()
_BATCH = 64
_READY, _WORKERS = 10_000, 8
_TENANTS, _PRIORITIES = 50, 4
_WAITING = 100_000
_CHECKPOINT_MS = 31_000


class Shard:
    """A dispatcher shard with workers that are played."""

    def __init__(self) -> None:
        """Start its process."""
        self.clock = ManualClock()
        self.journal = Journal(self.clock, WORKFLOW_JOURNAL, "x0")
        self._numbers, self._members, self._group = count(1), count(1), MemoryGroup(1)
        self._seen = 0
        self.host = self._host()

    def restart(self) -> float:
        """Start another process, the one before being gone; return the seconds until it decides."""
        self._group.expel(f"dispatcher-{next(self._members) - 1}")
        gc.collect()
        began = time.perf_counter()
        self.host = self._host()
        while not self.host.ready():
            self.host.step()
            self.clock.advance(1)
        return time.perf_counter() - began

    def _host(self) -> ShardHost:
        member = self._group.join(f"dispatcher-{next(self._members)}")
        role = dispatcher_role(1, ExecutionSettings(worker_timeout_ms=3_600_000))
        return ShardHost(role, self.journal.log, member, self.clock, codec=_CODEC)

    def settle(self) -> float:
        """Let the shard decide all that there is; return the seconds of CPU that it took."""
        began = process_time()
        while not self.host.ready() or self.host.step():
            self.clock.advance(1)
            self.host.step()
        return process_time() - began

    def hello(self, slots: int) -> None:
        """Workers offer so many slots each."""
        offers = [QueueOffer(queue="bench", slots=slots, tasks=[self.journal.task(0).task])]
        for number in range(_WORKERS):
            now = self.clock.now_ms()
            hello = WorkerHello(worker=f"worker-{number}", session="s", offers=offers, read_offset=0, sent_at=now)
            self.journal.log.append(WORKER_REPORTS, 0, _CODEC.encode(hello))

    def tasks(self, amount: int, *, rules: bool) -> list[TaskScheduled]:
        """Return tasks that are ready; with `rules`, those of a priority and a tenant come together, the last first."""
        found = [self.journal.task(number) for number in islice(self._numbers, amount)]
        if not rules:
            return found
        each = amount // (_PRIORITIES * _TENANTS)
        return [_with_rules(task, at // each % _TENANTS, at // each // _TENANTS) for at, task in enumerate(found)]

    def schedule(self, tasks: list[TaskScheduled]) -> None:
        """Let tasks be ready, a batch of them per record."""
        for first in range(0, len(tasks), _BATCH):
            self.journal.put(tasks[first : first + _BATCH])

    def end(self, assigned: list[TaskAssigned]) -> None:
        """Let tasks succeed."""
        for first in range(0, len(assigned), _BATCH):
            self.journal.put([task_ended(each.task, each.assignment) for each in assigned[first : first + _BATCH]])

    def assigned(self) -> list[TaskAssigned]:
        """Return what the journal has assigned since the last time."""
        found = []
        for message in self.records():
            found += [event for event in message.events if isinstance(event, TaskAssigned)]
        return found

    def records(self) -> list[JournalRecord]:
        """Return what the journal holds since the last time."""
        messages = []
        for record in self.journal.log.records(TASK_JOURNAL, 0):
            if record.offset >= self._seen:
                self._seen = record.offset + 1
                message = _CODEC.decode(record.value)
                if isinstance(message, JournalRecord):
                    messages.append(message)
        return messages


def _with_rules(task: TaskScheduled, tenant: int, priority: int) -> TaskScheduled:
    limit = TaskLimit(scope="key", name=f"account-{tenant}", at_once=1_000)
    rules = TaskRules(fairness_key=f"tenant-{tenant}", limits=[limit])
    return msgspec.structs.replace(task, priority=priority, rules=rules)


def spread() -> list[int]:
    """Return how many of the ready tasks each worker was given, all of them being ready at once."""
    shard = Shard()
    shard.hello(2 * _READY // _WORKERS)
    shard.settle()
    shard.schedule(shard.tasks(_READY, rules=False))
    shard.settle()
    given = Counter(each.worker for each in shard.assigned())
    counts = [given[f"worker-{number}"] for number in range(_WORKERS)]
    assert sum(counts) == _READY, f"Expected all to be assigned, but found {counts}"
    assert max(counts) - min(counts) <= 1, f"Expected an even spread, but found {counts}"
    return counts


def rate(*, rules: bool) -> float:
    """Return tasks per second of CPU, while most of them wait for one of a few slots."""
    shard = Shard()
    shard.hello(16)
    tasks = shard.tasks(_READY, rules=rules)
    shard.settle()
    shard.schedule(tasks)
    used, order = shard.settle(), []
    while running := shard.assigned():
        assert len({each.worker for each in running}) == min(_WORKERS, len(running))
        order += running
        shard.end(running)
        used += shard.settle()
    assert len(order) == _READY
    _check_order([each.task for each in order][_WORKERS * 16 :], rules=rules)
    return _READY / used


def _check_order(order: list[TaskScheduled], *, rules: bool) -> None:
    """Those that have waited: highest priority first, then tenants in turn, then who came first."""
    if not rules:
        assert [task.run_id for task in order] == sorted(task.run_id for task in order)
        return
    assert [task.priority for task in order] == sorted((task.priority for task in order), reverse=True)
    for priority in range(_PRIORITIES):
        served = [_tenant(task) for task in order if task.priority == priority]
        left, so_far = Counter(served), Counter(dict.fromkeys(served, 0))
        for tenant in served:
            # Whoever still has something waiting has had as much as the others, give or take one.
            behind = min(so_far[other] for other in left)
            assert so_far[tenant] <= behind + 1, f"Expected turns, but {tenant} had {so_far[tenant]} to {behind}"
            so_far[tenant] += 1
            left[tenant] -= 1
            if not left[tenant]:
                del left[tenant]


def _tenant(task: TaskScheduled) -> str:
    return task.rules.fairness_key if task.rules is not None else ""


def hold(*, rules: bool) -> tuple[float, float]:
    """Return the MB of a process that folds a journal of waiting tasks, and the seconds in which one is ready again."""
    shard = Shard()
    shard.hello(1)
    shard.settle()
    tasks = shard.tasks(_WAITING, rules=rules)
    shard.schedule(tasks[: _WAITING - 15_000])
    shard.settle()
    shard.clock.advance(_CHECKPOINT_MS)
    shard.settle()
    shard.schedule(tasks[_WAITING - 15_000 :])
    shard.settle()
    with tempfile.NamedTemporaryFile(suffix=".journal") as file:
        for record in shard.records():
            value = _CODEC.encode(record)
            file.write(len(value).to_bytes(4) + value)
        file.flush()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            megabytes = pool.apply(_fold, (file.name,))
    return megabytes, shard.restart()


def _fold(name: str) -> float:
    """Return the resident MB of this process, once it has folded a journal."""
    decider = DispatcherDecider()
    state = decider.initial()
    with Path(name).open("rb") as file:
        while size := file.read(4):
            message = _CODEC.decode(file.read(int.from_bytes(size)))
            assert isinstance(message, JournalRecord)
            for event in message.events:
                decider.evolve(state, event)
    assert len(state.open) == _WAITING, f"Expected {_WAITING} open attempts, but found {len(state.open)}"
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Print the figures."""
    counts = spread()
    sys.stdout.write(
        f"| {_READY} ready tasks over {_WORKERS} workers | {min(counts)} to {max(counts)} each |\n|---|---|\n"
    )
    sys.stdout.write(f"| dispatched, tasks per second of CPU | {rate(rules=False):.0f} |\n")
    text = f"the same, {_PRIORITIES} priorities, {_TENANTS} fairness keys and concurrency keys"
    sys.stdout.write(f"| {text} | {rate(rules=True):.0f} |\n")
    plain, ruled = hold(rules=False), hold(rules=True)
    sys.stdout.write(f"| a process that holds {_WAITING} waiting tasks, MB | {plain[0]:.0f} |\n")
    sys.stdout.write(f"| the same, with fairness keys and concurrency keys | {ruled[0]:.0f} |\n")
    sys.stdout.write(f"| restart with them from checkpoint and journal, s | {plain[1]:.1f}, {ruled[1]:.1f} |\n")


if __name__ == "__main__":
    main()
