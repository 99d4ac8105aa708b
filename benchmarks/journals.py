"""Journals as a busy headrace would have written them: three-step workflows side by side, in the in-memory log.

Only the readers' cost is of interest here, so nothing decides: the events are written down in the order in which the
services would have appended them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned
from headrace.contracts.headers import EPOCH_STARTED, Headers, journal_headers
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded
from headrace.shard.ports import TopicPartition

STEPS = 3
_NODES = ("first", "second", "third")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the journals look like.

    Attributes:
        workflows: how many run to their end.
        parked: how many stand open at their first task all the time.
        in_flight: how many are under way at once: so far apart are the events of one workflow.
        decisions: how many inputs one record of `workflow.journal` answers; of `task.journal` the same.
        shards: partitions of `workflow.journal`.
    """

    workflows: int
    parked: int = 0
    in_flight: int = 500
    decisions: int = 4
    shards: int = 1


@dataclass(slots=True)
class _Journal:
    """One partition that is being written."""

    partition: TopicPartition
    codec: Codec
    at: int
    records: list[tuple[bytes, Headers]] = field(default_factory=list)
    events: list[Message] = field(default_factory=list)
    decisions: int = 0
    n: int = 0

    def begin(self) -> None:
        started = EpochStarted(code_version=1, process="bench", at=self.at)
        self.records.append((self.codec.encode(started), journal_headers(EPOCH_STARTED, 0)))

    def append(self, events: list[Message], limit: int, positions: list[InputPosition]) -> None:
        self.events += events
        self.decisions += 1
        if self.decisions >= limit:
            self.flush(positions)

    def flush(self, positions: list[InputPosition]) -> None:
        if not self.events:
            return
        self.n += 1
        record = JournalRecord(epoch=0, n=self.n, at=self.at, positions=positions, events=self.events)
        self.records.append((self.codec.encode(record), journal_headers(0, self.n)))
        self.events, self.decisions = [], 0


class JournalMaker:
    """Writes the journals of a shape as (partition, value, headers), each partition in order."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        codec = Codec()
        self._at = time.time_ns() // 1_000_000
        self._workflow = [
            _Journal(TopicPartition(topics.WORKFLOW_JOURNAL, shard), codec, self._at) for shard in range(shape.shards)
        ]
        self._task = _Journal(TopicPartition(topics.TASK_JOURNAL, 0), codec, self._at)
        self._assignment = 0
        self._ended: list[int] = []

    def parked(self) -> Iterator[tuple[TopicPartition, bytes, Headers]]:
        """Yield the records of what stands open all the time; the first of every journal are among them."""
        for journal in (*self._workflow, self._task):
            journal.begin()
        for number in range(self._shape.parked):
            self._start(f"parked-{number:08}")
        yield from self._written()

    def busy(self) -> Iterator[tuple[TopicPartition, bytes, Headers]]:
        """Yield the records of the workflows that run to their end; call it after `parked`."""
        under_way: list[tuple[str, int, int]] = []
        started = 0
        while started < self._shape.workflows or under_way:
            if started < self._shape.workflows and len(under_way) < self._shape.in_flight:
                workflow_id = f"bench-{started:08x}-{shard_of(str(started), 99991):05}"
                under_way.append((workflow_id, 0, self._start(workflow_id)))
                started += 1
                continue
            # Whoever has waited longest gets on: the events of one workflow are as far apart as there are workflows.
            waiting, under_way = under_way, []
            for workflow_id, step, assignment in waiting:
                following = self._finish(workflow_id, step, assignment)
                if step + 1 < STEPS:
                    under_way.append((workflow_id, step + 1, following))
        yield from self._written()

    def _written(self) -> Iterator[tuple[TopicPartition, bytes, Headers]]:
        for journal in (*self._workflow, self._task):
            journal.flush([])
            for value, headers in journal.records:
                yield journal.partition, value, headers
            journal.records = []

    def _start(self, workflow_id: str) -> int:
        started = WorkflowStarted(
            workflow_id=workflow_id,
            run_id="0-7",
            name="bench_steps_graph",
            version="3f2a9c51d0",
            program="graph",
            input=b'{"value":17}',
            command_id=workflow_id,
            at=self._at,
        )
        return self._decided(workflow_id, [started, self._scheduled(workflow_id, 0)])

    def _finish(self, workflow_id: str, step: int, assignment: int) -> int:
        done = TaskSucceeded(
            workflow_id=workflow_id,
            run_id="0-7",
            step=step,
            attempt=1,
            node=_NODES[step],
            task="pass_on",
            queue="bench",
            output=b'{"value":%d}' % assignment,
            assignment=assignment,
            worker="worker-1",
            started_at=self._at + 3,
            ended_at=self._at + 4,
            at=self._at + 6,
        )
        self._task.append([AssignmentsEnded(assignments=[assignment], at=self._at + 7)], self._shape.decisions, [])
        if step + 1 < STEPS:
            return self._decided(workflow_id, [done, self._scheduled(workflow_id, step + 1)])
        end = WorkflowSucceeded(
            workflow_id=workflow_id,
            run_id="0-7",
            name="bench_steps_graph",
            started_at=self._at,
            output=b'{"value":17}',
            at=self._at + 6,
        )
        return self._decided(workflow_id, [done, end])

    def _decided(self, workflow_id: str, events: list[Message]) -> int:
        shard = shard_of(workflow_id, self._shape.shards)
        journal = self._workflow[shard]
        position = InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=shard, offset=self._assignment)
        journal.append(events, self._shape.decisions, [position])
        task = events[-1]
        if isinstance(task, TaskScheduled):
            self._assignment += 1
            assigned = TaskAssigned(
                assignment=self._assignment, worker="worker-1", session="5f1c", task=task, shard=shard, at=self._at + 2
            )
            self._task.append([assigned], self._shape.decisions, [])
        return self._assignment

    def _scheduled(self, workflow_id: str, step: int) -> TaskScheduled:
        return TaskScheduled(
            workflow_id=workflow_id,
            run_id="0-7",
            step=step,
            attempt=1,
            node=_NODES[step],
            task="pass_on",
            queue="bench",
            input=b'{"value":17}',
            at=self._at + 1,
        )
