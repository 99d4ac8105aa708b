"""A workflow of a test that goes on step by step: what happens at which time is the test's to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import msgspec

from headrace.client.commands import NO_INPUT
from headrace.contracts import commands as c
from headrace.contracts.control_commands import PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.message import Message
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, SignalWorkflow
from headrace.contracts.workflow_events import StartRefused, WorkflowFailed, WorkflowStuck, WorkflowSucceeded
from headrace.engine.activations import Activations
from headrace.engine.budget import BudgetPort
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.evolve.workflow import END_STATUS
from headrace.engine.graph.durations import parse_duration
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program
from headrace.engine.programs.python.payloads import from_payload, to_json
from headrace.engine.programs.python.program import PythonProgram
from headrace.engine.run import CALLBACK
from headrace.runtime.budget import Budget
from headrace.testing.definitions import InMemoryDefinitions
from headrace.testing.failures import Failures, listed
from headrace.testing.system import InMemorySystem

EPOCH_2024_MS = 1_704_067_200_000
"""Where the clock of a test begins: a fixed time, so that two runs of a test are alike."""


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True):
    """How a workflow went. `status` is RUNNING when it waits for something that nobody gives; `events` are typed
    messages.
    """

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None
    events: list[Message] = []


class InMemory:
    """What a test holds of a system in memory. Use it in a `with` block, or call `close`: the budget that watches user
    code has a thread.
    """

    _system: InMemorySystem
    _exits: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching."""
        self._exits.close()

    @property
    def now(self) -> datetime:
        """The time of the test, in UTC."""
        return datetime.fromtimestamp(self._system.now_ms / 1000, UTC)

    @property
    def events(self) -> list[Message]:
        """Everything that was decided so far, in order."""
        return self._system.events

    def _pass(self, duration: str | timedelta) -> None:
        """Let time pass; what falls due on the way happens at its time."""
        ms = parse_duration(duration) if isinstance(duration, str) else int(duration / timedelta(milliseconds=1))
        self._system.run(self._system.now_ms + ms)


class LiveWorkflow(InMemory):
    """A workflow that has begun. Every method goes on until nothing is left to do without time passing.

    Use it in a `with` block, or call `close`: the budget that watches user code has a thread.
    """

    def __init__(
        self,
        definition: Any,
        input: Any = None,
        tasks: Mapping[str, Callable[..., Any]] | None = None,
        *,
        workflow_id: str = "test",
        children: Mapping[str, Any] | None = None,
        failures: Failures = (),
        now_ms: int = EPOCH_2024_MS,
        budget: BudgetPort | None = None,
    ) -> None:
        self.workflow_id = workflow_id
        self._exits = ExitStack()
        name, self._system = in_memory(
            definition, tasks, children=children, failures=failures, now_ms=now_ms, budget=budget, exits=self._exits
        )
        self._commands = 0
        data = to_json({} if input is None else input)
        self._send(c.StartWorkflow, name=name, input=data)

    @property
    def result(self) -> WorkflowRun:
        """How the workflow stands."""
        return result_of(self._system, self.workflow_id)

    @property
    def status(self) -> str:
        """The status of the workflow."""
        return self.result.status

    def advance(self, duration: str | timedelta) -> WorkflowRun:
        """Let time pass: `"3d"`, `"1h30m"` or a `timedelta`. What falls due on the way happens at its time."""
        self._pass(duration)
        return self.result

    def finish(self) -> WorkflowRun:
        """Let time pass until nothing is left to do, and return how it went."""
        self._system.run()
        return self.result

    def cancel(self, reason: str = "") -> WorkflowRun:
        """Ask the workflow to end; it may clean up."""
        return self._send(c.CancelWorkflow, reason=reason)

    def terminate(self, reason: str = "") -> WorkflowRun:
        """End the workflow at once."""
        return self._send(c.TerminateWorkflow, reason=reason)

    def signal(self, name: str, data: Any = None) -> WorkflowRun:
        """Send a signal."""
        return self._send(SignalWorkflow, name=name, data=to_json(data))

    def pause(self, reason: str = "") -> WorkflowRun:
        """Let the workflow stand still."""
        return self._send(PauseWorkflow, reason=reason)

    def resume(self, reason: str = "") -> WorkflowRun:
        """Let the workflow go on."""
        return self._send(ResumeWorkflow, reason=reason)

    def retry(self, *, from_task: str = "", input: Any = NO_INPUT) -> WorkflowRun:
        """Run the workflow again after it has failed, and take over what has succeeded."""
        data = b"" if input is NO_INPUT else msgspec.json.encode(input)
        return self._send(RetryWorkflow, from_task=from_task, input=data)

    @property
    def tokens(self) -> list[str]:
        """Tokens of the callbacks that the workflow waits for, in the order in which it asked for them."""
        run = self._system.state.runs.get(self.workflow_id)
        if run is None:
            return []
        mint = self._system.decider.context.activations.tokens.mint
        return [mint(run.workflow_id, run.run_id, step) for step, found in run.open.items() if found.kind == CALLBACK]

    def complete(self, token: str, output: Any = None) -> WorkflowRun:
        """Complete a callback by its token."""
        return self._send(CompleteCallback, token=token, output=to_json(output))

    def fail(self, token: str, error: str, cause: str = "") -> WorkflowRun:
        """Fail a callback by its token."""
        return self._send(FailCallback, token=token, error=error, cause=cause)

    def _send(self, kind: type[Message], **fields: Any) -> WorkflowRun:
        self._commands += 1
        command = kind(
            command_id=f"test-{self._commands}",
            workflow_id=self.workflow_id,
            issued_at=self._system.now_ms,
            **fields,
        )
        self._system.send(command)
        self._system.run(self._system.now_ms)
        return self.result


def in_memory(
    definition: Any,
    tasks: Mapping[str, Callable[..., Any]] | None,
    *,
    children: Mapping[str, Any] | None,
    failures: Failures,
    now_ms: int,
    budget: BudgetPort | None,
    exits: ExitStack,
) -> tuple[str, InMemorySystem]:
    """Return the name of a definition, and a system that knows it; what must be let go of in the end is in `exits`."""
    definitions = InMemoryDefinitions()
    name = definitions.add(definition)
    for child, body in (children or {}).items():
        definitions.add(body, child)
    programs: dict[str, Program] = {
        "graph": GraphProgram(),
        "python": PythonProgram(lambda source: definitions.functions[source]),
    }
    watching = budget if budget is not None else exits.enter_context(Budget())
    activations = Activations(definitions=definitions, programs=programs, budget=watching)
    decider = DecisionDecider(Context(shards=Shards(), limits=Limits(), activations=activations))
    known = {**_module_tasks(definition), **(tasks or {})}
    return name, InMemorySystem(decider, known, now_ms, listed(failures))


def _module_tasks(definition: Any) -> dict[str, Callable[..., Any]]:
    """Return the tasks that a Python workflow's module names."""
    function = getattr(definition, "function", definition)
    found: dict[str, Callable[..., Any]] = {}
    for value in getattr(function, "__globals__", {}).values():
        body = getattr(value, "function", None)
        if callable(body) and isinstance(getattr(value, "queue", None), str):
            found[value.name] = body
    return found


def result_of(system: InMemorySystem, workflow_id: str) -> WorkflowRun:
    """Return how a workflow stands."""
    events = system.events
    for event in reversed(events):
        if getattr(event, "workflow_id", None) != workflow_id:
            continue
        match event:
            case WorkflowSucceeded():
                output = from_payload(*system.courier.fetched((event.output, event.content_type)))
                return WorkflowRun(status="SUCCEEDED", output=output, events=events)
            case WorkflowFailed():
                return WorkflowRun(status="FAILED", error=event.error, cause=event.cause, events=events)
            case WorkflowStuck():
                return WorkflowRun(status="STUCK", error=event.error, cause=event.cause, events=events)
            case StartRefused():
                return WorkflowRun(status="FAILED", error=event.error, cause=event.cause, events=events)
            case _ if type(event) in END_STATUS:
                return WorkflowRun(status=END_STATUS[type(event)], cause=getattr(event, "reason", None), events=events)
    run = system.state.runs.get(workflow_id)
    return WorkflowRun(status=run.status if run is not None else "RUNNING", events=events)
