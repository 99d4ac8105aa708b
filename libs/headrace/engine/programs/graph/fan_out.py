"""`foreach`: one run per item, some at once, in order; too many failures cancel the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.expressions import ExpressionError, Scope
from headrace.engine.graph import Node
from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import EndNode, StartChild
from headrace.engine.programs.graph import rules
from headrace.engine.programs.graph.children import run_child
from headrace.engine.programs.graph.payloads import Payload, join_list
from headrace.engine.programs.graph.waits import begin_wait, waits

if TYPE_CHECKING:
    from headrace.engine.programs.graph.run import GraphRun

# status, output, error, cause
End = tuple[str, Payload | None, str, str]


class FanOut:
    """One node over its items."""

    def __init__(self, run: GraphRun, node: Node, scope: Scope, items: list[Any], concurrency: int) -> None:
        self._run = run
        self._node = node
        self._scope = scope
        self._items = items
        self._at_once = concurrency or len(items)
        self._results: list[Payload | None] = [None] * len(items)
        self._next = 0
        self._running = 0
        self._failures = 0
        self._failure: tuple[str, str] | None = None
        self._over: StepFuture[None] = StepFuture(-1)

    async def run(self) -> End:
        """Return how the node ended; its output is the list of the items' outputs, null for those that failed."""
        self._fill()
        if not self._over.done:
            await self._over
        if self._failure is not None:
            error, cause = self._failure
        else:
            try:
                output = join_list(self._results, f"the output of {self._node.name}")
            except ExpressionError as failure:
                error, cause = "headrace.ExpressionError", str(failure)
            else:
                self._end(rules.SUCCEEDED)
                return rules.SUCCEEDED, output, "", ""
        self._end(rules.FAILED, error, cause)
        return rules.FAILED, None, error, cause

    def _end(self, status: str, error: str = "", cause: str = "") -> None:
        if not self._run.stopped:
            self._run.kernel.request(EndNode(node=self._node.name, status=status, error=error, cause=cause))

    def _wanted(self) -> bool:
        return not self._over.done and not self._run.stopped

    def _fill(self) -> None:
        """Begin items while there is room; end when none is left."""
        while self._wanted() and self._next < len(self._items) and self._running < self._at_once:
            index = self._next
            self._next += 1
            self._begin(index)
        if self._wanted() and self._running == 0 and self._next == len(self._items):
            self._run.kernel.settle(self._over, None)

    def _begin(self, index: int) -> None:
        node, run = self._node, self._run
        scope = self._scope.with_values(item=self._items[index], index=index)
        if waits(node):
            self._begin_wait(index, scope)
            return
        evaluation = run.evaluation(node, scope, index)
        try:
            request = evaluation.request(run.input_of(node, evaluation))
            policy, timeout_ms = evaluation.retry(), evaluation.timeout_ms()
        except ExpressionError as error:
            self._item_failed(index, *run.refuse(node, index, error))
            return
        self._running += 1
        if isinstance(request, StartChild):
            child = run_child(run, request, policy, timeout_ms, self._wanted)
            run.kernel.spawn(self._wait_for_child(index, child))
        else:
            run.kernel.spawn(self._wait(index, run.begin(request)))

    def _begin_wait(self, index: int, scope: Scope) -> None:
        try:
            waiting = begin_wait(self._run, self._node, scope, index)
        except ExpressionError as error:
            self._item_failed(index, *self._run.refuse(self._node, index, error))
            return
        self._running += 1
        self._run.kernel.spawn(self._wait_for_child(index, waiting))

    async def _wait(self, index: int, future: StepFuture[Outcome]) -> None:
        self._item_ended(index, await self._run.outcome(future))

    async def _wait_for_child(self, index: int, child: Any) -> None:
        self._item_ended(index, await child)

    def _item_ended(self, index: int, outcome: Outcome) -> None:
        if not self._wanted():
            return
        self._running -= 1
        if outcome.ok:
            what = f"the output of item {index} of {self._node.name}"
            self._results[index] = Payload(outcome.data, outcome.content_type, what)
        else:
            self._item_failed(index, outcome.error or f"headrace.{outcome.status}", outcome.cause or outcome.status)
        self._fill()

    def _item_failed(self, index: int, error: str, cause: str) -> None:
        self._failures += 1
        if self._failures <= self._node.tolerate:
            return
        self._failure = (error, f"item {index}: {cause}")
        self._run.kernel.settle(self._over, None)
        self._run.give_up(self._node.name, f"item {index} failed, and {self._node.tolerate} may")
