"""A resource shard in a test: feed it inputs, see its events; each is also folded a second time, as in a replay."""

from __future__ import annotations

from headrace.contracts.journal import JournalRecord
from headrace.contracts.lease_events import LeaseRequested, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.resource_events import LeaseGranted
from headrace.contracts.task_events import TaskCancelled, TaskFailed, TaskReleased, TaskSucceeded, TaskTimedOut
from headrace.contracts.workflow_events import WorkflowFailed
from headrace.shard.decider import Input
from headrace_resources.decider import ResourceDecider
from tests.support.snapshots import merge


class ResourceShard:
    """Drives a decider by the protocol of the shard runtime: evolve with each event before asking for the next."""

    def __init__(self, shard: int = 0, shards: int = 1, **limits: int) -> None:
        self.decider = ResourceDecider(shard, shards, **limits)
        self.state = self.decider.initial()
        self.replayed = self.decider.initial()
        self.journal: list[Message] = []
        self.entries: dict[str, bytes] = {}
        self.now_ms = 1_000
        self._offset = 0

    def feed(self, message: Message | None, *, topic: str, partition: int = 0, error: str = "") -> list[Message]:
        """Decide one input and all that is pending after it."""
        self._offset += 1
        self.now_ms += 1
        item = Input(
            topic=topic,
            partition=partition,
            offset=self._offset,
            at=self.now_ms,
            value=b"value",
            message=message,
            error=error,
        )
        events = [self._take(event) for event in self.decider.decide(self.state, item, self.now_ms)]
        while self.decider.has_pending(self.state):
            before = len(events)
            events.extend(self._take(event) for event in self.decider.resume(self.state, self.now_ms))
            assert len(events) > before, "Expected progress in a pending round, but there was none"
        assert self.state == self.replayed
        return events

    def record(self, *events: Message, shard: int = 0) -> list[Message]:
        """Feed a journal record of a decision shard."""
        message = JournalRecord(epoch=0, n=self._offset + 1, at=self.now_ms, positions=[], events=list(events))
        return self.feed(message, topic="workflow.journal", partition=shard)

    def declare(self, resource: str, capacity: int) -> list[Message]:
        """Feed a declaration."""
        command = DeclareResource(command_id="c", resource=resource, capacity=capacity, issued_at=0, declared_by="w@1")
        return self.feed(command, topic="resource.commands")

    def wait(self, for_ms: int) -> list[Message]:
        """Let time pass, and the timers that are due."""
        self.now_ms += for_ms
        events = []
        while (due_at := self.decider.due_at(self.state)) is not None and due_at <= self.now_ms:
            events += [self._take(event) for event in self.decider.tick(self.state, self.now_ms)]
        assert self.state == self.replayed
        return events

    def checkpoint(self) -> None:
        """Take what has changed into the snapshot, and hold the snapshot against the state."""
        merge(self.entries, self.decider.changes(self.state))
        assert self.decider.restored(sorted(self.entries.items())) == self.state

    def take_over(self, *, from_checkpoint: bool) -> None:
        """Go on with a state that comes out of the snapshot, or out of the whole journal."""
        if from_checkpoint:
            self.checkpoint()
            self.state = self.decider.restored(sorted(self.entries.items()))
            return
        self.state, self.entries = self.decider.initial(), {}
        for event in self.journal:
            self.decider.evolve(self.state, event)

    def tokens(self) -> list[int]:
        """Return every token that was given out, in order."""
        return [event.fencing_token for event in self.journal if isinstance(event, LeaseGranted)]

    def _take(self, event: Message) -> Message:
        self.decider.evolve(self.state, event)
        self.decider.evolve(self.replayed, event)
        self.journal.append(event)
        return event


def request(
    run: str = "run",
    step: int = 0,
    *,
    attempt: int = 1,
    resource: str = "parser",
    units: int = 1,
    capacity: int = 0,
    priority: int = 5,
) -> LeaseRequested:
    """Return a request of a task."""
    return LeaseRequested(
        workflow_id=f"w-{run}",
        run_id=run,
        step=step,
        attempt=attempt,
        node="parse",
        task="parse",
        resource=resource,
        units=units,
        capacity=capacity,
        priority=priority,
        at=0,
    )


def returned(run: str, step: int, token: int, *, attempt: int = 1, resource: str = "parser") -> LeaseReturned:
    """Return the giving back of a lease that nobody waits for."""
    return LeaseReturned(
        workflow_id=f"w-{run}", run_id=run, step=step, attempt=attempt, resource=resource, fencing_token=token, at=0
    )


def ended(kind: str, run: str = "run", step: int = 0, *, attempt: int = 1) -> Message:
    """Return the end of an attempt, by the name of the event."""
    where = {"workflow_id": f"w-{run}", "run_id": run, "step": step}
    node = {"node": "parse", "task": "parse", "queue": "q"}
    match kind:
        case "TaskSucceeded":
            return TaskSucceeded(
                **where, **node, attempt=attempt, output=b"1", assignment=1, worker="w", started_at=0, ended_at=0, at=0
            )
        case "TaskFailed":
            return TaskFailed(**where, **node, attempt=attempt, error="ValueError", retry_at=5, at=0)
        case "TaskTimedOut":
            return TaskTimedOut(**where, **node, attempt=attempt, timeout="heartbeat", at=0)
        case "TaskCancelled":
            return TaskCancelled(**where, **node, at=0)
        case "TaskReleased":
            return TaskReleased(**where, attempt=attempt, fencing_token=1, losses=1, at=0)
        case "WorkflowFailed":
            return WorkflowFailed(workflow_id=f"w-{run}", run_id=run, error="ValueError", at=0)
    raise AssertionError(f"Expected the name of an ending, but found {kind}")
