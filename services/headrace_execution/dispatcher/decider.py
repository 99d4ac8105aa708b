"""The dispatcher's pure part: a `headrace.shard.decider.Decider`.

Inputs are the records of `workflow.journal` that are addressed to this shard (tasks that are ready, and ends), and its
partition of `worker.reports`: what workers tell, and canaries that operators set. What waits is placed in rounds
(`resume`), since assignments carry their inputs, and a worker with many slots would take more of them than one record
holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptsNoted,
    AttemptTimedOut,
    BacklogCleared,
    BacklogFull,
    QueueLimited,
    RoomGranted,
    TaskAssigned,
    TaskDropped,
    TaskRequeued,
)
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost
from headrace.contracts.workflow_events import CommandRejected
from headrace.shard.decider import Input
from headrace_execution.dispatcher import checkpoint
from headrace_execution.dispatcher.changes import key_of
from headrace_execution.dispatcher.decide import REPORT_DECIDERS, timers
from headrace_execution.dispatcher.decide.journal_record import journal_record
from headrace_execution.dispatcher.decide.liveness import heard
from headrace_execution.dispatcher.decide.set_canary import refusal, set_canary
from headrace_execution.dispatcher.decide.settle import everything, is_pending, settle
from headrace_execution.dispatcher.evolve import evolve
from headrace_execution.dispatcher.limits import Limit
from headrace_execution.dispatcher.notes import HANDLE
from headrace_execution.dispatcher.round import DispatchLimits, Round
from headrace_execution.dispatcher.rules import QUEUE
from headrace_execution.dispatcher.state import DispatcherState

# A refused record is told of with its value, but a journal record may be as large as a record of ours may be.
_KEPT_BYTES = 65_536


class DispatcherDecider:
    """Decides for one dispatcher shard out of `shards`."""

    code_version = 1

    def __init__(
        self, shard: int = 0, shards: int = 1, limits: DispatchLimits | None = None, *, decision_shards: int = 1
    ) -> None:
        self._shard = shard
        self._decision_shards = decision_shards
        self._shards = shards
        self._limits = limits or DispatchLimits()

    def initial(self) -> DispatcherState:
        """Return the state of a shard that knows no task and no worker."""
        limits = self._limits
        state = DispatcherState(quarantine_from=limits.quarantine_from, remembered_ends=limits.remembered_ends)
        for each in limits.queues:
            if each.at_once or each.per_period:
                limit = Limit(key=(each.queue, QUEUE, ""))
                limit.declare(each.at_once, each.per_period, each.period_ms, 0)
                state.limits[limit.key] = limit
        return state

    def decide(self, state: DispatcherState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield what follows from a journal record or a report."""
        round_ = self._round(state, now_ms, item)
        message = item.message
        if isinstance(message, JournalRecord):
            yield from journal_record(round_, message)
        elif isinstance(message, SetCanary):
            reason = refusal(round_, message)
            if reason:
                yield _rejected(item, "headrace.InvalidCanary", reason, now_ms)
            else:
                yield from set_canary(round_, message)
        elif message is not None and type(message) in REPORT_DECIDERS:
            yield from REPORT_DECIDERS[type(message)](round_, message)
        else:
            found = item.error or f"a {type(message).__name__}"
            reason = f"Expected a worker's report, but {found}"
            yield _rejected(item, "headrace.SerializationError", reason, now_ms)
        yield from settle(round_)

    def failed(self, state: DispatcherState, item: Input, error: Exception, now_ms: int) -> Iterator[Message]:
        """Record a fault of ours. Tasks of the record that were not taken in time out: nobody waits for ever."""
        cause = f"Expected a decision on {item.topic}/{item.partition}@{item.offset}, but it failed: {error!r}"
        yield _rejected(item, "headrace.InternalError", cause, now_ms)
        for event in item.message.events if isinstance(item.message, JournalRecord) else ():
            if not isinstance(event, TaskScheduled) or shard_of(event.queue, self._shards) != self._shard:
                continue
            if key_of(event) not in state.open and key_of(event) not in state.ended:
                yield AttemptTimedOut(
                    workflow_id=event.workflow_id,
                    run_id=event.run_id,
                    step=event.step,
                    attempt=event.attempt,
                    to_shard=item.partition,
                    assignment=0,
                    timeout="schedule_to_start",
                    at=now_ms,
                )

    def refuse(self, event: Message, error: Exception) -> bool:
        """Nothing can be set aside here: an input that breaks goes to `failed`."""
        return False

    def due_at(self, state: DispatcherState) -> int | None:
        """Return when the next worker or attempt must be looked at."""
        return timers.due_at(state)

    def tick(self, state: DispatcherState, now_ms: int) -> Iterator[Message]:
        """Yield what follows from silence and from limits that are over."""
        round_ = self._round(state, now_ms)
        yield from timers.tick(round_)
        yield from settle(round_)

    def has_pending(self, state: DispatcherState) -> bool:
        """Tell whether something can be placed, or has to be told whether it is served."""
        return is_pending(state)

    def resume(self, state: DispatcherState, now_ms: int) -> Iterator[Message]:
        """Place what can be placed; then tell what is served and what is not."""
        yield from everything(self._round(state, now_ms))

    def evolve(self, state: DispatcherState, event: Message) -> None:
        """Change the state by one event."""
        evolve(state, event)

    def addressees(self, event: Message) -> Iterable[str]:
        """Return the workers and decision shards that an event concerns."""
        match event:
            case TaskAssigned() | WorkerJoined() | WorkerLost() | WorkerLeft():
                return (f"w:{event.worker}",)
            case AttemptsNoted():
                # Whoever has sent details need not know that they are kept; a handle is polled only then.
                return (f"w:{event.worker}",) if any(note.kind == HANDLE for note in event.notes) else ()
            case AssignmentsEnded():
                return tuple(f"w:{worker}" for worker in event.workers)
            case TaskDropped():
                return (f"w:{event.worker}",) if event.worker else ()
            case QueueLimited() | BacklogFull() | BacklogCleared():
                return tuple(f"d{number}" for number in range(self._decision_shards))
            case RoomGranted():
                return (f"d{event.to_shard}",)
            case TaskRequeued() | AttemptTimedOut() | AttemptLost():
                shard = (f"d{event.to_shard}",)
                return (*shard, f"w:{event.worker}") if event.worker else shard
        return ()

    def taken_over(self, state: DispatcherState, now_ms: int) -> None:
        """Start all liveness clocks anew: that we have not heard anybody yet does not mean that anybody is silent."""
        round_ = self._round(state, now_ms)
        for name in state.workers:
            heard(round_, name)
        for number in state.assignments:
            state.live.beats[number] = now_ms

    def changes(self, state: DispatcherState) -> Iterator[tuple[str, bytes | None]]:
        """Yield what has changed since the last checkpoint."""
        return checkpoint.changes(state)

    def restored(self, entries: Iterable[tuple[str, bytes]]) -> DispatcherState:
        """Return the state that the entries of all checkpoints describe."""
        return checkpoint.restored(self.initial(), entries)

    def _round(self, state: DispatcherState, now_ms: int, item: Input | None = None) -> Round:
        state.live.now_ms = now_ms
        return Round(
            state=state,
            limits=self._limits,
            now_ms=now_ms,
            shard=self._shard,
            shards=self._shards,
            decision_shards=self._decision_shards,
            decision_shard=item.partition if item is not None else -1,
        )


def _rejected(item: Input, error: str, reason: str, now_ms: int) -> CommandRejected:
    return CommandRejected(
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value[:_KEPT_BYTES],
        error=error,
        reason=reason,
        at=now_ms,
    )
