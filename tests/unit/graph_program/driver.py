"""Drives the graph program by hand: no shard, no workers, just the kernel, and outcomes in an order that a seed
chooses.

Whatever a test does, the driver rebuilds the run from its record after every step and compares what it asks for: replay
equals live.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace.contracts.definitions import Definition
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Cancelled, Outcome, WorkflowFailure
from headrace.engine.kernel.requests import CancelStep, EndNode, Refuse, Request, RunTask, Skip, Sleep, StartChild
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Result, RunInfo

NOW_MS = 1_700_000_000_000
Task = Callable[[Any], Any]


class Failed(Exception):
    """A task of a test fails with this error name."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.outcome = Outcome(FAILED, error=error, cause=cause)


@dataclass
class Driver:
    """One run of a graph over tasks that are plain functions (input -> output)."""

    document: Mapping[str, Any]
    tasks: Mapping[str, Task] = field(default_factory=dict)
    input: Any = None
    previous: bytes = b""
    seed: int = 0
    hold: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.program = GraphProgram()
        source = json.dumps(self.document).encode()
        self.definition = Definition(name="w", version="1", program="graph", source=source, deployed_at=0)
        self.prepared = self.program.prepare(self.definition)
        self.info = RunInfo(
            workflow_id="w-1",
            run_id="r-1",
            name="w",
            version="1",
            attempt=1,
            input=msgspec.json.encode(self.input),
            content_type="application/json",
            started_at=NOW_MS,
            previous=self.previous,
        )
        self.random = random.Random(self.seed)
        self.recorded: list[str] = []
        self.requests: list[Request] = []
        self.log: list[tuple[int, Outcome | str]] = []
        self.open: dict[int, Request] = {}
        self.most_open = 0
        self.kernel = self._start(self.recorded)
        self._take()

    def _start(self, recorded: list[str]) -> Kernel:
        kernel = Kernel(recorded=recorded, workflow_id="w-1", run_id="r-1", now_ms=NOW_MS)
        kernel.start(self.program.main(self.prepared, self.info, kernel))
        return kernel

    def _take(self) -> None:
        """Record what the program asks for, and check that a replay asks for the same."""
        while self.kernel.fresh:
            step, request = self.kernel.fresh.popleft()
            assert step == len(self.recorded)
            self.recorded.append(request.fingerprint())
            self.requests.append(request)
            if isinstance(request, CancelStep):
                assert self.open.pop(request.step, None) is not None, "Expected to cancel a step that is open"
            elif not isinstance(request, Skip | Refuse | EndNode):
                self.open[step] = request
        self.most_open = max(self.most_open, len(self.open))
        self._replay()

    def _replay(self) -> None:
        kernel = self._start(self.recorded)
        for at, (step, outcome) in enumerate(self.log):
            if isinstance(outcome, str):
                kernel.deliver_cancel(outcome, NOW_MS + at + 1)
            else:
                kernel.deliver(step, outcome, NOW_MS + at + 1)
        assert not kernel.fresh, f"Expected a replay to ask for nothing new, but it asks for {list(kernel.fresh)}"
        assert kernel.next_step == len(self.recorded)
        assert kernel.main is not None and self.kernel.main is not None
        assert kernel.main.done == self.kernel.main.done
        kernel.close()

    def end(self, step: int, outcome: Outcome) -> None:
        """Deliver the end of a step."""
        del self.open[step]
        self.log.append((step, outcome))
        self.kernel.deliver(step, outcome, NOW_MS + len(self.log))
        self._take()

    def cancel(self, reason: str = "asked") -> None:
        """Deliver a request to end."""
        self.log.append((-1, reason))
        self.kernel.deliver_cancel(reason, NOW_MS + len(self.log))
        self._take()

    def step_of(self, node: str, index: int = -1) -> int:
        """Return the open step of a node."""
        return next(s for s, r in self.open.items() if (r.node, r.index) == (node, index))

    def outcome_of(self, request: Request) -> Outcome:
        """Run a task of the test."""
        if isinstance(request, Sleep):
            return Outcome(SUCCEEDED)
        assert isinstance(request, RunTask | StartChild)
        name = request.task if isinstance(request, RunTask) else request.name
        try:
            output = self.tasks[name](msgspec.json.decode(request.input)) if name in self.tasks else name
        except Failed as failure:
            return failure.outcome
        return Outcome(SUCCEEDED, data=msgspec.json.encode(output))

    def run(self) -> Driver:
        """End open steps in a random order, those held aside, until there are none; returns itself."""
        while True:
            ready = [step for step, request in self.open.items() if request.node not in self.hold]
            if not ready:
                return self
            step = self.random.choice(ready)
            self.end(step, self.outcome_of(self.open[step]))

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        assert self.kernel.main is not None
        return self.kernel.main.done

    @property
    def output(self) -> Any:
        """The output of a run that succeeded."""
        assert self.kernel.main is not None
        result = self.kernel.main.result()
        assert isinstance(result, Result)
        return msgspec.json.decode(result.data)

    @property
    def error(self) -> tuple[str, str]:
        """Error and cause of a run that failed."""
        assert self.kernel.main is not None and self.kernel.main.done
        error = self.kernel.main.error
        if isinstance(error, Cancelled):
            return "Cancelled", str(error.args[0])
        assert isinstance(error, WorkflowFailure), error
        return error.error, error.cause

    def asked(self, *kinds: type[Request]) -> list[tuple[str, int]]:
        """Return node and index of the requests of some kinds."""
        return [(r.node, r.index) for r in self.requests if isinstance(r, kinds)]

    def skips(self) -> dict[str, str]:
        """Return the nodes that did not run, with their statuses."""
        return {r.node: r.status for r in self.requests if isinstance(r, Skip)}


def graph(tasks: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a graph document."""
    return {"apiVersion": "headrace/v1", "name": "w", "tasks": tasks, **fields}
