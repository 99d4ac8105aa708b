"""A whole headrace in one object: decider, tasks and resources in memory, with a clock that skips.

The decisions are the real ones. What stands in for Kafka is a queue, for the workers a direct call, and for time a
number that jumps to the next timer once nothing else is left to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import AttemptTimedOut
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import RESOURCE_JOURNAL, TASK_JOURNAL, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.engine.decider import DecisionDecider
from headrace.engine.state import ShardState
from headrace.payloads.blobs import MemoryBlobs
from headrace.payloads.courier import Courier
from headrace.shard.decider import Input
from headrace.testing.failures import Failure, injected
from headrace.testing.semaphores import Semaphores
from headrace.testing.tasks import Hang, call_task

_STEP_LIMIT = 1_000_000
"""Inputs and tasks that one test may take: a workflow that never ends fails the test instead of hanging it."""


class InMemorySystem:
    """Runs commands to their end. `events` is everything that was decided, in order."""

    def __init__(
        self,
        decider: DecisionDecider,
        tasks: Mapping[str, Callable[..., Any]],
        now_ms: int,
        failures: Sequence[Failure] = (),
    ) -> None:
        self.decider = decider
        self.state: ShardState = decider.initial()
        self.events: list[Message] = []
        self.now_ms = now_ms
        self.courier = Courier(blobs=MemoryBlobs())
        self._tasks = tasks
        self._failures = failures
        self._inputs: deque[Input] = deque()
        self._ready: deque[TaskScheduled] = deque()
        self._hanging: list[tuple[int, int, TaskScheduled]] = []
        self._semaphores = Semaphores()
        self._codec = Codec()
        self._offset = 0

    def send(self, command: Message) -> None:
        """Put a command on the queue."""
        command = self.courier.packed(command, "")
        self._push(WORKFLOW_COMMANDS, command, self._codec.encode(command))

    def run(self, until_ms: int | None = None) -> None:
        """Go on until nothing is left to do: every workflow has ended, is stuck, or waits for what nobody gives. With
        `until_ms` (ms since the epoch), time goes on to then and no further.
        """
        for _ in range(_STEP_LIMIT):
            if not (self._step() or self._skip_time(until_ms)):
                if until_ms is not None:
                    self.now_ms = max(self.now_ms, until_ms)
                return
        raise RuntimeError(f"Expected the workflow to come to rest within {_STEP_LIMIT} steps, but it goes on")

    def _step(self) -> bool:
        decider, state = self.decider, self.state
        if decider.has_pending(state):
            self._take(decider.resume(state, self.now_ms))
        elif self._inputs:
            item = self._inputs.popleft()
            self._take(decider.decide(state, item, self.now_ms))
        elif self._ready:
            self._run_task(self._ready.popleft())
        else:
            return False
        return True

    def _take(self, events: Any) -> None:
        for event in events:
            self.decider.evolve(self.state, event)
            self.events.append(event)
            if isinstance(event, TaskScheduled):
                self._ready.append(event)
            for answer in self._semaphores.see(event, self.now_ms):
                self._push(RESOURCE_JOURNAL, self._record([answer]))
            if any(to.startswith("d") for to in self.decider.addressees(event)):
                self._push(WORKFLOW_JOURNAL, self._record([event]))

    def _run_task(self, task: TaskScheduled) -> None:
        run = self.state.run_of(task.workflow_id, task.run_id)
        step = run.open.get(task.step) if run is not None else None
        if step is None or step.attempt != task.attempt:
            return
        answer = call_task(self._tasks, task, self.now_ms, injected(self._failures, task), self.courier)
        if isinstance(answer, Hang):
            if task.timeout_ms:
                self._hanging.append((self.now_ms + task.timeout_ms, len(self._hanging), task))
        elif answer is not None:
            self.send(answer)

    def _skip_time(self, until_ms: int | None) -> bool:
        """Jump to whatever is due next. False when nothing is, or only later."""
        due = self.decider.due_at(self.state)
        hanging = min(self._hanging, default=None, key=lambda entry: entry[:2])
        if until_ms is not None and min(due or until_ms + 1, hanging[0] if hanging else until_ms + 1) > until_ms:
            return False
        if hanging is not None and (due is None or hanging[0] <= due):
            self._hanging.remove(hanging)
            self.now_ms = max(self.now_ms, hanging[0])
            self._push(TASK_JOURNAL, self._record([_timed_out(hanging[2], self.now_ms)]))
            return True
        if due is None:
            return False
        self.now_ms = max(self.now_ms, due)
        self._take(self.decider.tick(self.state, self.now_ms))
        return True

    def _push(self, topic: str, message: Message, value: bytes = b"") -> None:
        self._offset += 1
        at = self.now_ms
        item = Input(topic=topic, partition=0, offset=self._offset, at=at, message=message, value=value)
        self._inputs.append(item)

    def _record(self, events: list[Message]) -> JournalRecord:
        return JournalRecord(epoch=0, n=self._offset, at=self.now_ms, positions=[], events=events)


def _timed_out(task: TaskScheduled, now_ms: int) -> AttemptTimedOut:
    return AttemptTimedOut(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        to_shard=0,
        assignment=1,
        worker="test",
        timeout="start_to_close",
        at=now_ms,
    )
