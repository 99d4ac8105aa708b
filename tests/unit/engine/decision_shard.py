"""One decision shard for tests: inputs in, events out, and the replay held against the live state at every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow, CompleteTask, FailTask, StartWorkflow, TerminateWorkflow
from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.engine.activations import Activations
from headrace.engine.budget import BudgetPort, NoBudget
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decide import timers
from headrace.engine.decider import DecisionDecider
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program
from headrace.engine.programs.python.limits import PythonLimits
from headrace.engine.programs.python.program import PythonProgram
from headrace.engine.state import ShardState
from headrace.payloads.sealing import Sealing
from headrace.shard.decider import Input
from headrace.testing.definitions import InMemoryDefinitions
from tests.support.snapshots import merge

CODEC = Codec()


class DecisionShard:
    """A shard that checks, after every input, that its journal folds to the state that it has."""

    def __init__(
        self,
        *workflows: Any,
        shards: Shards | None = None,
        limits: Limits | None = None,
        budget: BudgetPort | None = None,
        forgetful: bool = False,
        replays: bool = True,
        sealing: Sealing | None = None,
    ) -> None:
        """`forgetful`: before every input, go on in a new process from a snapshot, so that coroutines are rebuilt.
        Without `replays`, the journal is not held against the state: for long histories.
        """
        self.definitions = InMemoryDefinitions()
        for workflow in workflows:
            self.definitions.add(workflow)
        programs: dict[str, Program] = {
            "graph": GraphProgram(),
            "python": PythonProgram(
                lambda source: self.definitions.functions[source],
                PythonLimits(loop_steps=(limits or Limits()).loop_steps),
            ),
        }
        self._limits = limits or Limits()
        self._shards = shards or Shards()
        self._programs = programs
        self._budget = budget or NoBudget()
        self.sealing = sealing
        self.new_process()
        self.state: ShardState = self.decider.initial()
        self.journal: list[Message] = []
        self.entries: dict[str, bytes] = {}
        self.now_ms = 1_000
        self._forgetful = forgetful
        self._replays = replays
        self._offset = -1

    def new_process(self) -> None:
        """Forget everything that is not in the state: live coroutines, and definitions that are ready to run."""
        if hasattr(self, "activations"):
            for run in self.state.runs.values():
                self.activations.drop(run.run_id)
        self.activations = Activations(
            definitions=self.definitions,
            programs=self._programs,
            budget=self._budget,
            limit=self._limits.live_coroutines,
            steps_at_once=self._limits.steps_at_once,
            sealing=self.sealing,
        )
        self.decider = DecisionDecider(Context(shards=self._shards, limits=self._limits, activations=self.activations))

    def checkpoint(self) -> int:
        """Take what has changed into the snapshot, and hold it against the state; return the bytes written."""
        written = merge(self.entries, self.decider.changes(self.state))
        assert contents(self.decider.restored(sorted(self.entries.items()))) == contents(self.state)
        return written

    def take_over(self) -> None:
        """Go on in a new process, with a state that comes out of the snapshot."""
        self.checkpoint()
        self.new_process()
        self.state = self.decider.restored(sorted(self.entries.items()))

    def command(self, message: Message | None, *, key: str = "", value: bytes = b"", error: str = "") -> list[Message]:
        """Decide a command and return the events."""
        encoded = CODEC.encode(message) if message is not None else value
        return self._input(WORKFLOW_COMMANDS, message, key.encode(), encoded, error)

    def hear(self, *events: Message, topic: str = WORKFLOW_JOURNAL) -> list[Message]:
        """Decide a journal record with these events and return what follows."""
        record = JournalRecord(epoch=0, n=1, at=self.now_ms, positions=[], events=list(events))
        return self._input(topic, record, b"", b"", "")

    def tick(self, now_ms: int) -> list[Message]:
        """Let time come, and return what follows from timers that are due."""
        self.now_ms = now_ms
        return self._fold(lambda: self.decider.tick(self.state, now_ms))

    def resume(self) -> list[Message]:
        """Return the next part of a decision that was too large."""
        return self._fold(lambda: self.decider.resume(self.state, self.now_ms))

    def start(self, name: str, input: Any = None, **fields: Any) -> list[Message]:
        """Start a workflow, by default `w`."""
        options = {"workflow_id": "w", "command_id": "c1", **fields}
        data = msgspec.json.encode({} if input is None else input)
        return self.command(StartWorkflow(**{"name": name, "input": data, "issued_at": 0, **options}))

    def complete(
        self, task: TaskScheduled, output: Any = None, assignment: int = 1, io: TaskIo | None = None
    ) -> list[Message]:
        """Answer an attempt with success."""
        result = msgspec.json.encode(output)
        return self.command(
            CompleteTask(**_answer(task), assignment=assignment, output=result, started_at=1, ended_at=2, io=io)
        )

    def fail(self, task: TaskScheduled, error: str = "ValueError", assignment: int = 1, **fields: Any) -> list[Message]:
        """Answer an attempt with failure."""
        return self.command(FailTask(**{**_answer(task), "cause": "why", **fields}, assignment=assignment, error=error))

    def cancel(self, workflow_id: str = "w") -> list[Message]:
        """Ask a workflow to end."""
        return self.command(CancelWorkflow(command_id="x", workflow_id=workflow_id, issued_at=0, reason="enough"))

    def terminate(self, workflow_id: str = "w") -> list[Message]:
        """End a workflow at once."""
        return self.command(TerminateWorkflow(command_id="x", workflow_id=workflow_id, issued_at=0, reason="now"))

    def _input(self, topic: str, message: Message | None, key: bytes, value: bytes, error: str) -> list[Message]:
        self._offset += 1
        item = Input(
            topic=topic,
            partition=0,
            offset=self._offset,
            at=self.now_ms,
            message=message,
            key=key,
            value=value,
            error=error,
        )
        return self._fold(lambda: self.decider.decide(self.state, item, self.now_ms))

    def _fold(self, decide: Callable[[], Any]) -> list[Message]:
        if self._forgetful:
            self.take_over()
        events = []
        for event in decide():
            self.decider.evolve(self.state, event)
            events.append(event)
        if self._replays:
            self.journal += [CODEC.decode(CODEC.encode(event)) for event in events]
        assert not self._replays or contents(self.replayed()) == contents(self.state)
        return events

    def replayed(self) -> ShardState:
        """Return the state that the journal, as it went over the wire, folds to."""
        state = self.decider.initial()
        for event in self.journal:
            self.decider.evolve(state, event)
        return state


def contents(state: ShardState) -> Any:
    """Return what a state holds, and when its next timer is due."""
    kept = (state.closed, state.previous, state.schedules, state.outcomes, state.telling, state.backlogs)
    return (state.runs, *kept, state.pending, state.stuck, timers.due_at(state))


def only(events: list[Message], kind: type[Any]) -> Any:
    """Return the one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, f"Expected one {kind.__name__}, but found {[type(event).__name__ for event in events]}"
    return found[0]


def names(events: list[Message]) -> list[str]:
    """Return the types of events, in order."""
    return [type(event).__name__ for event in events]


def _answer(task: TaskScheduled) -> dict[str, Any]:
    return {
        "command_id": f"{task.step}/{task.attempt}",
        "workflow_id": task.workflow_id,
        "issued_at": 0,
        "run_id": task.run_id,
        "step": task.step,
        "attempt": task.attempt,
        "worker": "worker-1",
    }
