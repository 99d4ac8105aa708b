"""A dispatcher shard in a test: feed it inputs, see its events; each is also folded a second time, as in a replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.journal import InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.reports import (
    AttemptNote,
    FinishedAssignment,
    QueueOffer,
    WorkerGoodbye,
    WorkerHeartbeat,
    WorkerHello,
)
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded, TaskTimedOut
from headrace.contracts.task_rules import TaskRules
from headrace.shard.decider import Input
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.round import DispatchLimits
from headrace_execution.dispatcher.state import DispatcherState
from tests.support.snapshots import merge

T = TypeVar("T", bound=Message)


class DispatcherShard:
    """Drives a decider by the protocol of the shard runtime: evolve with each event before asking for the next."""

    def __init__(self, limits: DispatchLimits | None = None, *, number: int = 0, shards: int = 1) -> None:
        self.decider = DispatcherDecider(number, shards, limits)
        self.state = self.decider.initial()
        self.replayed = self.decider.initial()
        self.journal: list[Message] = []
        self.entries: dict[str, bytes] = {}
        self.now_ms = 1_000
        self._offset = 0

    def feed(
        self, message: Message | None, *, topic: str = "worker.reports", partition: int = 0, error: str = ""
    ) -> list[Message]:
        """Decide one input and all that is pending after it."""
        self._offset += 1
        item = Input(
            topic=topic,
            partition=partition,
            offset=self._offset,
            at=self.now_ms,
            value=b"value",
            message=message,
            error=error,
        )
        return self._run(self.decider.decide(self.state, item, self.now_ms))

    def record(self, *events: Message, shard: int = 0, passed: int | None = None) -> list[Message]:
        """Feed a journal record of a decision shard; `passed` is the command that it had taken in by then."""
        positions = [InputPosition(topic="workflow.commands", partition=shard, offset=passed)] if passed else []
        message = JournalRecord(epoch=0, n=1, at=self.now_ms, positions=positions, events=list(events))
        return self.feed(message, topic="workflow.journal", partition=shard)

    def pass_time(self, by_ms: int) -> list[Message]:
        """Let time pass, firing each timer when it is due."""
        events: list[Message] = []
        end = self.now_ms + by_ms
        while (due := self.decider.due_at(self.state)) is not None and due <= end:
            self.now_ms = max(self.now_ms, due)
            events += self._run(self.decider.tick(self.state, self.now_ms))
        self.now_ms = end
        return events

    def take_over(self) -> None:
        """Go on with a state that was replayed from the whole journal; its first checkpoint is a whole snapshot."""
        self.state, self.entries = self.decider.initial(), {}
        for event in self.journal:
            self.decider.evolve(self.state, event)
        self.decider.taken_over(self.state, self.now_ms)
        self._run(iter(()))

    def checkpoint(self) -> None:
        """Take what has changed into the snapshot, and hold the snapshot against the state."""
        merge(self.entries, self.decider.changes(self.state))
        assert durable(self.decider.restored(sorted(self.entries.items()))) == durable(self.state)

    def take_over_from_checkpoint(self) -> None:
        """Go on with a state that comes out of the snapshot."""
        self.checkpoint()
        self.state = self.decider.restored(sorted(self.entries.items()))
        self.decider.taken_over(self.state, self.now_ms)
        self._run(iter(()))

    # --- workers ----------------------------------------------------------------------------------------------------

    def hello(
        self,
        worker: str,
        slots: int = 1,
        *,
        tasks: Iterable[str] = ("t",),
        queue: str = "q",
        session: str = "s1",
        labels: dict[str, str] | None = None,
        versions: dict[str, str] | None = None,
    ) -> list[Message]:
        """A worker says hello."""
        hello = WorkerHello(
            worker=worker,
            session=session,
            offers=[QueueOffer(queue=queue, slots=slots, tasks=list(tasks), versions=versions or {})],
            labels=labels or {},
            read_offset=-1,
            sent_at=self.now_ms,
        )
        return self.feed(hello)

    def report(
        self,
        worker: str,
        *,
        holds: Iterable[int] = (),
        finished: dict[int, int] | None = None,
        handed_back: Iterable[int] = (),
        beats: Iterable[int] = (),
        read: int | None = None,
        stopping: bool = False,
        session: str = "s1",
        shard: int = 0,
        details: dict[int, bytes] | None = None,
    ) -> list[Message]:
        """A worker reports; by assignment: `finished`, offsets in `workflow.commands`, and `details` of heartbeats."""
        done = [
            FinishedAssignment(assignment=number, partition=shard, offset=offset)
            for number, offset in (finished or {}).items()
        ]
        return self.feed(
            WorkerHeartbeat(
                worker=worker,
                session=session,
                read_offset=0,
                read_assignment=self.state.last_assignment if read is None else read,
                holds=list(holds),
                beats=list(beats),
                finished=done,
                handed_back=list(handed_back),
                stopping=stopping,
                notes=[
                    AttemptNote(assignment=number, kind="details", data=data)
                    for number, data in (details or {}).items()
                ],
                sent_at=self.now_ms,
            )
        )

    def goodbye(self, worker: str, session: str = "s1") -> list[Message]:
        """A worker leaves."""
        return self.feed(WorkerGoodbye(worker=worker, session=session, sent_at=self.now_ms))

    # --- what is seen -------------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        """Return the events of a kind, from the beginning."""
        return [event for event in self.journal if isinstance(event, kind)]

    def assigned_to(self, worker: str) -> list[TaskAssigned]:
        """Return what a worker was given, from the beginning."""
        return [event for event in self.of(TaskAssigned) if event.worker == worker]

    def _run(self, events: Iterator[Message]) -> list[Message]:
        taken = [self._take(event) for event in events]
        while self.decider.has_pending(self.state):
            more = [self._take(event) for event in self.decider.resume(self.state, self.now_ms)]
            assert more, "Expected progress in a pending round, but there was none"
            taken += more
        assert durable(self.state) == durable(self.replayed)
        return taken

    def _take(self, event: Message) -> Message:
        self.decider.evolve(self.state, event)
        self.decider.evolve(self.replayed, event)
        self.journal.append(event)
        return event


def durable(state: DispatcherState) -> dict[str, Any]:
    """Return what a replay must give back: everything but `live`."""
    fields = msgspec.structs.asdict(state)
    del fields["live"], fields["ledger"]
    fields["queues"] = {
        (queue, *key): (shape.served, shape.unserved)
        for queue, shapes in state.queues.shapes.items()
        for key, shape in shapes.items()
    }
    return fields


def scheduled(
    step: int = 0,
    *,
    run: str = "run",
    attempt: int = 1,
    task: str = "t",
    queue: str = "q",
    priority: int = 5,
    timeout_ms: int = 0,
    heartbeat_ms: int = 0,
    token: int = 0,
    losses: int = 0,
    rules: TaskRules | None = None,
    at: int = 0,
) -> TaskScheduled:
    """Return an attempt that is ready."""
    return TaskScheduled(
        workflow_id=f"w-{run}",
        run_id=run,
        step=step,
        attempt=attempt,
        node=task,
        task=task,
        queue=queue,
        priority=priority,
        input=b"null",
        timeout_ms=timeout_ms,
        heartbeat_ms=heartbeat_ms,
        fencing_token=token,
        losses=losses,
        rules=rules,
        at=at,
    )


def succeeded(assigned: TaskAssigned, *, assignment: int | None = None) -> TaskSucceeded:
    """Return the end that an assignment's result leads to."""
    task = assigned.task
    return TaskSucceeded(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        node=task.node,
        task=task.task,
        queue=task.queue,
        output=b"null",
        assignment=assigned.assignment if assignment is None else assignment,
        worker=assigned.worker,
        started_at=0,
        ended_at=0,
        at=0,
    )


def failed(assigned: TaskAssigned, error: str = "ValueError") -> TaskFailed:
    """Return a failure that an assignment's result leads to."""
    task = assigned.task
    return TaskFailed(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        node=task.node,
        task=task.task,
        queue=task.queue,
        error=error,
        assignment=assigned.assignment,
        worker=assigned.worker,
        at=0,
    )


def timed_out(assigned: TaskAssigned) -> TaskTimedOut:
    """Return the decision service's answer to a time-out."""
    task = assigned.task
    return TaskTimedOut(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        node=task.node,
        task=task.task,
        queue=task.queue,
        timeout="start_to_close",
        assignment=assigned.assignment,
        at=0,
    )
