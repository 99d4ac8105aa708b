"""The decision journals sorted by run and step: what the other checkers look at."""

from __future__ import annotations

import msgspec

from headrace.contracts.backlog_events import TaskHeld
from headrace.contracts.child_events import ChildCancelRequested, ChildEnded, ChildRequested
from headrace.contracts.control_events import StepReused, WorkflowPaused, WorkflowResumed
from headrace.contracts.lease_events import LeaseRecorded, LeaseRequested, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, SearchAttributesSet, ValueRecorded, WorkflowContinued
from headrace.contracts.task_events import (
    AssignmentRevoked,
    NodeEnded,
    TaskCancelled,
    TaskFailed,
    TaskRefused,
    TaskReleased,
    TaskScheduled,
    TaskSkipped,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.contracts.topics import WORKFLOW_JOURNAL
from headrace.contracts.wait_events import (
    AttachRequested,
    CallbackHeartbeat,
    CallbackOpened,
    SignalRequested,
    StepAnswered,
    StepCancelled,
    StepEnded,
)
from headrace.contracts.workflow_events import (
    ActivationResumed,
    ActivationYielded,
    CancelRequested,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.engine.carried import RECEIVED
from tests.simulation.checkers.journals import Counted, Journals

ENDS: dict[type[Message], str] = {
    WorkflowSucceeded: "SUCCEEDED",
    WorkflowFailed: "FAILED",
    WorkflowCancelled: "CANCELLED",
    WorkflowTerminated: "TERMINATED",
    WorkflowTimedOut: "TIMED_OUT",
    WorkflowContinued: "CONTINUED",
}
WAITS = (AttachRequested, SignalRequested, CallbackOpened)
OPENERS = (TaskScheduled, TaskHeld, LeaseRequested, TimerStarted, ChildRequested, *WAITS)
NOTES = (TaskSkipped, TaskRefused, NodeEnded, ValueRecorded, SearchAttributesSet, Published, StepReused)
STEP_EVENTS = (
    *OPENERS,
    *NOTES,
    LeaseRecorded,
    TaskSucceeded,
    TaskFailed,
    TaskTimedOut,
    TaskCancelled,
    TaskReleased,
    AssignmentRevoked,
    TimerFired,
    TimerCancelled,
    ChildEnded,
    ChildCancelRequested,
    CallbackHeartbeat,
    StepEnded,
    StepCancelled,
)
AFTERWARDS = (LeaseReturned, StepAnswered, ActivationYielded, ActivationResumed)
"""What may follow the end of a run: a lease that was granted too late, an answer that it waits for no longer, the rest
of those who are told of its end.
"""


class Step(msgspec.Struct, kw_only=True):
    """One step of a run: its events in order. `status` is empty while it is open."""

    number: int
    node: str
    index: int = -1
    events: list[Message] = []
    status: str = ""
    output: bytes = b""
    error: str = ""
    given_up: bool = False


class History(msgspec.Struct, kw_only=True):
    """One run. `events` are all of its events, with where each stands."""

    started: WorkflowStarted
    where: Counted
    events: list[tuple[Counted, Message]] = []
    steps: dict[int, Step] = {}
    cancel: CancelRequested | None = None
    stuck: WorkflowStuck | None = None
    paused: WorkflowPaused | None = None
    end: Message | None = None
    problems: list[str] = []

    @property
    def name(self) -> str:
        """Return what to call it in a message."""
        return f"{self.started.workflow_id} run {self.started.run_id} ({self.started.name})"

    @property
    def status(self) -> str:
        """Return how it stands."""
        if self.end is not None:
            return ENDS[type(self.end)]
        return "STUCK" if self.stuck is not None else "PAUSED" if self.paused is not None else "RUNNING"


class Histories:
    """Every run that was started, in the order of the journals."""

    def __init__(self, journals: Journals) -> None:
        self.runs: dict[str, History] = {}
        self.problems: list[str] = []
        self._journals = journals
        self._seen: dict[int, int] = {}

    def follow(self) -> dict[str, History]:
        """Take in what is new; return all runs by id."""
        for number, journal in enumerate(self._journals.of(WORKFLOW_JOURNAL)):
            counted = journal.follow()
            for found in counted[self._seen.get(number, 0) :]:
                for event in found.record.events if found.record else ():
                    self._take(found, event)
            self._seen[number] = len(counted)
        return self.runs

    def callbacks(self) -> list[CallbackOpened]:
        """Return the callbacks that were opened."""
        runs = self.follow().values()
        return [event for run in runs for _, event in run.events if isinstance(event, CallbackOpened)]

    def failed(self) -> list[str]:
        """Return the workflows whose last run has ended without success."""
        last = {run.started.workflow_id: run for run in self.follow().values()}
        failed = ("FAILED", "CANCELLED", "TIMED_OUT", "TERMINATED")
        return [workflow_id for workflow_id, run in last.items() if run.status in failed]

    def open(self) -> dict[str, str]:
        """Return the workflows that have not ended, with their status."""
        return {run.started.workflow_id: run.status for run in self.follow().values() if run.end is None}

    def _take(self, found: Counted, event: Message) -> None:
        if isinstance(event, WorkflowStarted):
            self._start(found, event)
            return
        run = self.runs.get(getattr(event, "run_id", ""))
        if run is None:
            return
        if run.end is not None:
            if isinstance(event, AFTERWARDS):
                return
            run.problems.append(f"Expected nothing after the end, but found {event} at {found.entry.offset}")
            return
        run.events.append((found, event))
        if type(event) in ENDS:
            run.end = event
            if isinstance(event, WorkflowContinued):
                self._go_on(found, run, event)
        elif isinstance(event, WorkflowStuck | WorkflowPaused | WorkflowResumed):
            _stand(run, event)
        elif isinstance(event, CancelRequested):
            if run.cancel is not None:
                run.problems.append("Expected one request to end, but found two")
            run.cancel = event
        elif isinstance(event, STEP_EVENTS) and getattr(event, "kind", "") != RECEIVED:
            _step(run, event)

    def _start(self, found: Counted, event: WorkflowStarted) -> None:
        if event.run_id in self.runs:
            self.problems.append(f"Expected run {event.run_id} to start once, but it did twice")
            return
        for other in self.runs.values():
            if other.started.workflow_id == event.workflow_id and other.end is None:
                self.problems.append(f"Expected one open run of {event.workflow_id}, but {event.run_id} is a second")
        self.runs[event.run_id] = History(started=event, where=found, events=[(found, event)])

    def _go_on(self, found: Counted, run: History, event: WorkflowContinued) -> None:
        """A run goes on as another one, which no command has started; a request to end goes along."""
        started = msgspec.structs.replace(run.started, run_id=event.next_run_id, command_id="", at=event.at)
        self.runs[event.next_run_id] = History(started=started, where=found, cancel=run.cancel)


def _stand(run: History, event: WorkflowStuck | WorkflowPaused | WorkflowResumed) -> None:
    match event:
        case WorkflowStuck():
            run.stuck = event
        case WorkflowPaused():
            run.paused = event
        case WorkflowResumed():
            run.stuck = run.paused = None


def _step(run: History, event: Message) -> None:  # noqa: C901, PLR0912  one case per event
    number = event.step  # type: ignore[attr-defined]
    step = run.steps.get(number)
    if step is None:
        if not isinstance(event, (*OPENERS, *NOTES)):
            run.problems.append(f"Expected step {number} to begin with a request, but found {event}")
            return
        node, index = getattr(event, "node", ""), getattr(event, "index", -1)
        step = run.steps[number] = Step(number=number, node=node, index=index)
    elif step.status and isinstance(event, TaskCancelled) and not event.node:
        # It had ended before the program, which was being rebuilt, gave it up: giving up is a step of the record too.
        step.given_up = True
        return
    elif step.status:
        run.problems.append(f"Expected one end of step {number}, but after {step.status} came {event}")
    elif isinstance(event, (TimerStarted, ChildRequested, *WAITS, *NOTES)):
        run.problems.append(f"Expected step {number} to be requested once, but found {event} as well")
    step.events.append(event)
    match event:
        case TaskSucceeded():
            step.status, step.output = "SUCCEEDED", event.output
        case TaskFailed(retry_at=0):
            step.status, step.error = "FAILED", event.error
        case TaskTimedOut(retry_at=0):
            step.status, step.error = "TIMED_OUT", "headrace.TaskTimedOut"
        case TaskCancelled() | TimerCancelled() | ChildCancelRequested():
            step.status = "CANCELLED"
        case TimerFired():
            step.status, step.output = "SUCCEEDED", b"null"
        case StepCancelled():
            step.status = "CANCELLED"
        case StepReused():
            step.status, step.output = event.status, event.output
        case ChildEnded() | StepEnded():
            step.status, step.output, step.error = event.status, event.output, event.error
        case TaskSkipped() | NodeEnded():
            step.status = event.status
        case ValueRecorded() | SearchAttributesSet() | Published():
            step.status = "NOTED"
        case TaskRefused():
            step.status, step.error = "FAILED", event.error
