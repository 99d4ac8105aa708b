"""The decision shard's decider: commands and other shards' events in, workflow events out.

Start reading here: `decide` hands each input to a file of `headrace.engine.decide`, `evolve` each event to one of
`headrace.engine.evolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.contracts.backlog_events import RoomRequested
from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.journal import JournalRecord
from headrace.contracts.lease_events import LeaseRequested, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleCancelRequested, ScheduleFired
from headrace.contracts.task_events import (
    TaskCancelled,
    TaskFailed,
    TaskReleased,
    TaskScheduled,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.contracts.timer_events import TimerFired, TimerStarted
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace.contracts.wait_events import AttachRequested, SignalRequested, StepAnswered, StepCancelled
from headrace.contracts.workflow_events import (
    CommandForwarded,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.engine import checkpoint
from headrace.engine.closed import ClosedIds
from headrace.engine.context import Context
from headrace.engine.decide import rebuilding, schedule_times, timers, unsticking
from headrace.engine.decide.answers import tell
from headrace.engine.decide.backlogs import has_room, holding, release
from headrace.engine.decide.commands import decide_command, rejected
from headrace.engine.decide.journals import concerned_by, decide_journal
from headrace.engine.decide.parking import DECISION_FAILED, park, parking, refuse
from headrace.engine.decide.resuming import resume
from headrace.engine.evolve.registry import evolve
from headrace.engine.last_results import LastResults
from headrace.engine.outcomes import Outcomes
from headrace.engine.retryable import FailedRuns
from headrace.engine.run import ATTACH
from headrace.engine.runs import Runs
from headrace.engine.schedules.schedules import Schedules
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

CODE_VERSION = 3
"""Version of the fold. Raised by every change after which older code would fold a journal differently.

2: the commands that started earlier runs of an id are remembered.
3: schedules, signals and callbacks, pauses and retries, values and continuations of runs.
"""


_TO_NOBODY = frozenset({WorkflowStarted, TimerStarted, TimerFired})
"""Frequent events that nobody acts on: found at once, rather than after all others."""


class DecisionDecider:
    """The pure part of a decision shard (`headrace.shard.decider.Decider`)."""

    code_version = CODE_VERSION

    def __init__(self, context: Context) -> None:
        self.context = context

    def initial(self) -> ShardState:
        """Return the state of a shard that has decided nothing yet."""
        limits = self.context.limits
        return ShardState(
            shard=self.context.shards.shard,
            runs=Runs(limits.live_runs),
            closed=ClosedIds(keep_ms=limits.closed_keep_ms, limit=limits.closed_limit),
            previous=LastResults(limit=limits.previous_limit, limit_bytes=limits.previous_bytes),
            outcomes=Outcomes(
                keep_ms=limits.outcomes_keep_ms, limit=limits.outcomes_limit, limit_bytes=limits.outcomes_bytes
            ),
            failed=FailedRuns(keep_ms=limits.retry_keep_ms, limit=limits.retry_limit, limit_bytes=limits.retry_bytes),
            seen_per_run=limits.seen_per_run,
            schedules=Schedules(running_limit=limits.schedule_running, command_limit=limits.schedule_commands),
        )

    def decide(self, state: ShardState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield the events that follow from an input."""
        self._make_room()
        if item.topic == WORKFLOW_COMMANDS:
            events = decide_command(self.context, state, item, f"{item.partition}-{item.offset}", now_ms)
            return self._told(state, parking(self.context, state, events, now_ms), now_ms)
        return self._told(state, decide_journal(self.context, state, item, now_ms), now_ms)

    def failed(self, state: ShardState, item: Input, error: Exception, now_ms: int) -> Iterator[Message]:
        """Park the workflows that an input was for; without any, the input goes to the dead letters."""
        cause = f"{type(error).__name__}: {error}, at {item.topic}/{item.partition}@{item.offset}"
        message = item.message
        runs = [state.runs.get(workflow_id) for workflow_id in concerned_by(self.context, message)]
        # Nothing late from an old run touches a new one.
        run_id = getattr(message, "run_id", "")
        parked = [run for run in runs if run is not None and (not run_id or run.run_id == run_id)]
        if not parked or isinstance(message, JournalRecord):
            yield rejected(self.context, item, DECISION_FAILED, cause, now_ms)
        for run in parked:
            yield from park(self.context, state, run.workflow_id, cause, now_ms)

    def refuse(self, event: Message, error: Exception) -> bool:
        """Park the run of an event that could not be folded when a decision comes to it again."""
        return refuse(self.context, event, error)

    def due_at(self, state: ShardState) -> int | None:
        """Return when the next timer is due."""
        if state.rebuilding:
            return rebuilding.AT_ONCE
        found = timers.due_at(state)
        for due in (schedule_times.due_at(state), unsticking.due_at(self.context, state)):
            if due is not None and (found is None or due < found):
                found = due
        return found

    def tick(self, state: ShardState, now_ms: int) -> Iterator[Message]:
        """Yield the events of the timers that are due by now."""
        self._make_room()
        rebuilt = parking(self.context, state, rebuilding.tick(self.context, state, now_ms), now_ms)
        yield from self._told(state, rebuilt, now_ms)
        yield from self._told(state, timers.tick(self.context, state, now_ms), now_ms)
        yield from holding(state, schedule_times.tick(self.context, state, now_ms))
        yield from holding(state, unsticking.tick(self.context, state, now_ms))

    def has_pending(self, state: ShardState) -> bool:
        """Tell whether the rest of a decision that was too large waits."""
        return bool(state.pending) or (bool(state.backlogs.queues) and has_room(state.backlogs))

    def resume(self, state: ShardState, now_ms: int) -> Iterator[Message]:
        """Yield the next part of a decision that was too large."""
        self._make_room()
        if not state.pending:
            return release(self.context, state, now_ms)
        return self._told(state, parking(self.context, state, resume(self.context, state, now_ms), now_ms), now_ms)

    def _told(self, state: ShardState, events: Iterator[Message], now_ms: int) -> Iterator[Message]:
        """Yield the events of a decision, and tell those who wait for the workflows that have ended in it."""
        yield from holding(state, events)
        if state.telling:
            yield from tell(self.context, state, now_ms)

    def _make_room(self) -> None:
        self.context.room.left = self.context.limits.decision_bytes

    def evolve(self, state: ShardState, event: Message) -> None:
        """Change the state by one event."""
        evolve(state, event)

    def changes(self, state: ShardState) -> Iterator[tuple[str, bytes | None]]:
        """Yield what has changed since the last checkpoint; what was not used since then is packed."""
        yield from checkpoint.changes(state)
        state.runs.rest()
        self.context.activations.rest()

    def restored(self, entries: Iterable[tuple[str, bytes]]) -> ShardState:
        """Return the state that the entries of all checkpoints describe."""
        return checkpoint.restored(self.initial(), entries)

    def taken_over(self, state: ShardState, now_ms: int) -> None:
        """Nothing: a decision shard has no liveness clocks."""

    def addressees(self, event: Message) -> Iterable[str]:
        """Return whom an event is addressed to."""
        shards = self.context.shards
        if type(event) in _TO_NOBODY:
            return ()
        match event:
            case TaskScheduled() | RoomRequested():
                return (f"x{shards.of_queue(event.queue)}",)
            case TaskSucceeded() | TaskFailed() | TaskTimedOut() | TaskCancelled():
                to = (f"x{shards.of_queue(event.queue)}",) if event.queue else ()
                # The token says that a lease, or a request for one, ends here; the resource is the manager's to know.
                return (*to, *self._all("r", shards.resource)) if event.fencing_token else to
            case WorkflowSucceeded():
                to = (f"d{shards.of_workflow(event.parent.workflow_id)}",) if event.parent else ()
                return self._all("d", shards.decision) if event.key else to
            case LeaseRequested() | LeaseReturned():
                return (f"r{shards.of_resource(event.resource)}",)
            case TaskReleased():
                return self._all("r", shards.resource)
            case (
                ChildRequested()
                | ChildCancelRequested()
                | CommandForwarded()
                | ScheduleFired()
                | ScheduleCancelRequested()
                | AttachRequested()
                | SignalRequested()
                | StepAnswered()
            ):
                return (f"d{event.to_shard}",)
            case StepCancelled() if event.kind == ATTACH:
                return (f"d{event.to_shard}",)
            case WorkflowFailed() | WorkflowCancelled() | WorkflowTerminated() | WorkflowTimedOut():
                to = (f"d{shards.of_workflow(event.parent.workflow_id)}",) if event.parent else ()
                return (*to, *self._all("x", shards.dispatcher), *self._all("r", shards.resource))
            case StartRefused() if event.parent:
                return (f"d{shards.of_workflow(event.parent.workflow_id)}",)
        return ()

    @staticmethod
    def _all(kind: str, count: int) -> tuple[str, ...]:
        return tuple(f"{kind}{number}" for number in range(count))
