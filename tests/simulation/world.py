"""Everything that there is in one simulation: the log, groups, processes, workers, relays, readers, and the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import QueueOffer
from headrace.engine.context import Limits as EngineLimits
from headrace.engine.context import Shards
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.shard.clock import ManualClock
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.roles import ShardRole
from headrace_execution.dispatcher.wiring import dispatcher_role
from headrace_resources.wiring import resource_role
from tests.simulation import shape as shapes
from tests.simulation.broker import SimLog
from tests.simulation.clients import Clients
from tests.simulation.clocks import ProcessClock
from tests.simulation.deciders import trapped_decision_role
from tests.simulation.hosts import HostProcess
from tests.simulation.keeping import Keepers
from tests.simulation.listening import Relays
from tests.simulation.operating import AnyVersion, Operators
from tests.simulation.reading import Readers
from tests.simulation.scheduling import Schedulers
from tests.simulation.waiting import Waiting
from tests.simulation.workers import Letter, WorkerProcess, is_result
from tests.simulation.workflows.graphs import LEAF, TRAPS, random_graph, trap_graph
from tests.simulation.workflows.keeping import NAME as KEEP
from tests.simulation.workflows.keeping import keep
from tests.simulation.workflows.scripts import NAME, script
from tests.simulation.workflows.tasks import TASKS
from tests.simulation.workflows.waiters import WAITER, waiter

QUEUES = ("default", "night")
ROLES = ("decision", "dispatcher", "resources")
SETTINGS = ExecutionSettings(
    worker_timeout_ms=2_000,
    report_interval_ms=400,
    # Less than slow tasks take, so that a worker that stops hands some of them back.
    stop_grace_ms=500,
    queue_limits="night: at_once=3 rate=20/1s backlog=2; default: backlog=3",
)
CODEC = Codec()


class World:
    """Made from a seed; the scheduler moves it."""

    def __init__(self, seed: int, changes: Mapping[str, Any] | None = None) -> None:
        """Draw a world; `changes` are fields of its shape that are given instead."""
        self.seed = seed
        self.random = Random(seed)
        apart = Random(f"schedules of {seed}")
        shape = msgspec.structs.replace(shapes.draw(self.random), schedules=apart.choice((0, 0, 1, 3)))
        self.shape = msgspec.structs.replace(shape, **(changes or {}))
        self.log_lines: list[str] = []
        self.clock = ManualClock()
        shape = self.shape
        self.log = SimLog(
            self.clock,
            Random(self.random.random()),
            decision=shape.decision_shards,
            dispatcher=shape.dispatcher_shards,
            resource=shape.resource_shards,
            record_limit_bytes=shape.record_limit_bytes,
        )
        self.log.note = self.note
        self.definitions = AnyVersion()
        self.documents = self._define()
        self.groups = {role: MemoryGroup(self.shard_count(role)) for role in ROLES}
        self.hosts: list[HostProcess] = []
        self.workers: list[WorkerProcess] = []
        self.relays = Relays(self.log, self.clock, self.random, self.note)
        self.readers = Readers(self.log, self.clock, self.random)
        self.clients = Clients(self)
        self.keepers = Keepers(self, seed)
        self.waiting = Waiting(self, seed)
        self.operators = Operators(self, seed)
        self.schedulers = Schedulers(self, apart)
        self.watchers: list[Callable[[HostProcess], None]] = []
        self.code_versions = [0, 1] if shape.upgrade else [0]
        self.ended: list[tuple[str, Exception]] = []
        """Processes that ended by themselves, and why."""
        self.late: list[Letter] = []
        """Results of workers that are gone, still on their way."""
        self._made = 0

    def note(self, text: str) -> None:
        """Keep a line for the log that a failure prints."""
        self.log_lines.append(f"{self.clock.monotonic_ms():>7} {text}")

    def shard_count(self, role: str) -> int:
        """Return how many shards a role has."""
        shape = self.shape
        return {
            "decision": shape.decision_shards,
            "dispatcher": shape.dispatcher_shards,
            "resources": shape.resource_shards,
        }[role]

    @property
    def journals(self) -> list[tuple[str, int]]:
        """Return every partition of every journal."""
        names = {"decision": topics.WORKFLOW_JOURNAL, "dispatcher": topics.TASK_JOURNAL}
        return [
            (names.get(role, topics.RESOURCE_JOURNAL), number)
            for role in ROLES
            for number in range(self.shard_count(role))
        ]

    # --- processes ------------------------------------------------------------------------------------------------

    def start_host(self, role: str, skew_ms: int = 0) -> HostProcess:
        """Start a process of a role."""
        self._made += 1
        version = self.random.choice(self.code_versions)
        process = HostProcess(
            f"{role}-{self._made}",
            self.role(role, version),
            self.log,
            self.groups[role],
            ProcessClock(self.clock, skew_ms),
            limits=self.shape.limits(),
            random=Random(self.random.random()),
            code_version=version,
        )
        self.hosts.append(process)
        self.note(f"{process.name} starts with code {version}, clock {skew_ms:+}")
        return process

    def end_host(self, process: HostProcess, why: str) -> None:
        """End a process at once. What it had in flight may still arrive, or a first part of it."""
        self.note(f"{process.name} ends: {why}")
        self.hosts.remove(process)
        process.log.cut_off(self.random)
        self.groups[process.role.name].expel(process.name)

    def start_worker(self, name: str) -> WorkerProcess:
        """Start a worker; the process that had the name before must be gone."""
        self._made += 1
        worker = WorkerProcess(
            name,
            f"process-{self._made}",
            self.log,
            ProcessClock(self.clock),
            self._offers(),
            decision_shards=self.shape.decision_shards,
            settings=SETTINGS,
            random=Random(self.random.random()),
            work_ms=self.shape.work_ms,
            labels={"zone": "ab"[int(name.rpartition("-")[2]) % 2]},
            deadly=lambda task: self.end_worker(worker, f"{task.workflow_id} step {task.step} is deadly"),
        )
        self.workers.append(worker)
        self.note(f"worker {name} starts as {worker.process}")
        return worker

    def end_worker(self, worker: WorkerProcess, why: str) -> None:
        """End a worker at once; a first part of what it was sending arrives."""
        self.note(f"worker {worker.name} ({worker.process}) ends: {why}")
        worker.dead = True
        self.workers.remove(worker)
        for _ in range(self.random.randint(0, len(worker.outbox.letters))):
            worker.outbox.post()
        for letter in worker.outbox.letters:
            if self.random.random() < 0.5 and is_result(letter):
                self.late.append(letter)

    def dismiss(self, worker: WorkerProcess) -> None:
        """Let a worker that was told to stop, and has come to its end, hand back what is left and leave."""
        self.note(f"worker {worker.name} ({worker.process}) leaves")
        worker.worker.leave()
        worker.dead = True
        self.workers.remove(worker)
        self.late += [letter for letter in worker.outbox.letters if is_result(letter)]

    def role(self, name: str, version: int = 0) -> ShardRole:
        """Return a role as code of some version runs it."""
        shape = self.shape
        if name == "dispatcher":
            return dispatcher_role(shape.dispatcher_shards, SETTINGS, decision_shards=shape.decision_shards)
        if name == "resources":
            return resource_role(shape.resource_shards)
        shards = Shards(
            decision=shape.decision_shards, dispatcher=shape.dispatcher_shards, resource=shape.resource_shards
        )
        limits = EngineLimits(
            decision_bytes=shape.record_limit_bytes // 8,
            live_coroutines=shape.live_coroutines,
            replay_at_once=shape.replay_at_once,
            timers_per_tick=2,
            stuck_check_ms=500,
            payload_bytes=12_000,
            schedule_running=4,
            schedule_waiting=3,
            schedule_backfill_times=8,
        )
        return trapped_decision_role(shards, limits, self.definitions, version)

    def _offers(self) -> dict[int, list[QueueOffer]]:
        offers: dict[int, list[QueueOffer]] = {}
        for queue in QUEUES:
            offer = QueueOffer(queue=queue, slots=self.shape.slots, tasks=list(TASKS))
            offers.setdefault(shard_of(queue, self.shape.dispatcher_shards), []).append(offer)
        return offers

    def _define(self) -> dict[str, dict[str, Any]]:
        documents = {"leaf": LEAF}
        for at in range(self.shape.graphs):
            documents[f"graph{at}"] = random_graph(self.random, f"graph{at}", self.shape.tasks, self.shape.slots)
        if self.shape.trap:
            documents.update((name, trap_graph(name)) for name in TRAPS)
        for document in documents.values():
            self.definitions.add(document)
        self.definitions.add(script, NAME)
        self.definitions.add(keep, KEEP)
        self.definitions.add(waiter, WAITER)
        return documents
