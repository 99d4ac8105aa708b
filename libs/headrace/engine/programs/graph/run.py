"""One run of a graph: a counter of open needs for each node, and a coroutine for each branch.

Theory of operation. A node whose needs have all ended is decided at once: it runs, or is skipped. The coroutine that
saw the last need end goes on with it (so a chain is one coroutine), and starts one more for each other node that
became ready. Order comes from the graph and from the order of the record, never from a set. When a node fails, all
that can still run does; then the workflow fails with the first failure that was significant. A request to end gives up
all open steps. `on_exit` comes last in every case, and is not given up.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import msgspec

from headrace.engine.expressions import ExpressionError, Limits, Scope
from headrace.engine.graph import Node
from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.mailboxes import Receipt
from headrace.engine.kernel.outcomes import Cancelled, Outcome, WorkflowFailure
from headrace.engine.kernel.requests import CancelStep, EndNode, Refuse, Request, Skip, StartChild
from headrace.engine.programs.graph import rules
from headrace.engine.programs.graph.children import run_child
from headrace.engine.programs.graph.evaluation import Evaluation
from headrace.engine.programs.graph.fan_out import FanOut
from headrace.engine.programs.graph.payloads import Payload
from headrace.engine.programs.graph.prepared import PreparedGraph
from headrace.engine.programs.graph.values import Values
from headrace.engine.programs.graph.waits import begin_wait, waits
from headrace.engine.programs.program import Result, RunInfo

EXPRESSION_ERROR = "headrace.ExpressionError"
TIMED_OUT_REASON = "headrace.WorkflowTimedOut"


class GraphRun:
    """The state of one run; the kernel's record is what it is rebuilt from."""

    def __init__(self, prepared: PreparedGraph, info: RunInfo, kernel: Kernel, limits: Limits) -> None:
        self.kernel = kernel
        self.stopped = False
        self._prepared = prepared
        self._info = info
        self._limits = limits
        self._values = Values(prepared, info, limits)
        self._statuses = self._values.statuses
        self._waiting_for = {node.name: len(node.needs) for node in prepared.graph.nodes}
        self._left = len(prepared.graph.nodes)
        self._failure: WorkflowFailure | None = None
        self._defect: Exception | None = None
        self._open: dict[int, tuple[str, int]] = {}
        self._receipts: dict[Receipt, tuple[str, int]] = {}
        self._done: StepFuture[None] = StepFuture(-1)

    async def execute(self) -> Result:
        """Run the graph to its end.

        Raises:
            WorkflowFailure: a significant task failed, or the output has no value.
            Cancelled: the workflow was asked to end.
        """
        try:
            await self._run_nodes()
        except Cancelled as request:
            reason = str(request.args[0]) if request.args else ""
            self._stop(reason)
            await self._exit("TIMED_OUT" if reason == TIMED_OUT_REASON else rules.CANCELLED, reason)
            raise
        result = None
        if self._failure is None:
            try:
                result = self._values.output(self.kernel.now_ms)
            except ExpressionError as error:
                self._failure = WorkflowFailure(EXPRESSION_ERROR, f"output: {error}")
        failed = self._failure is not None
        exit_failure = await self._exit(
            rules.FAILED if failed else rules.SUCCEEDED, self._failure.error if self._failure else ""
        )
        failure = self._failure or exit_failure
        if failure is not None:
            raise failure
        assert result is not None
        return Result(data=result.data, content_type=result.content_type)

    # -- what fan-outs and children use

    def begin(self, request: Request) -> StepFuture[Outcome]:
        """Ask for a step that stays open until its end comes."""
        future = self.kernel.request(request)
        self._open[future.step] = (request.node, request.index)
        return future

    async def outcome(self, future: StepFuture[Outcome]) -> Outcome:
        """Wait for a step that was begun."""
        result = await future
        self._open.pop(future.step, None)
        return result

    def give_up(self, node: str, reason: str, index: int | None = None) -> None:
        """Cancel the open steps of a node, or of one item of it, and its waits for signals."""
        for step, place in list(self._open.items()):
            if place[0] == node and index in (None, place[1]):
                del self._open[step]
                self.kernel.request(CancelStep(node=node, index=place[1], step=step, reason=reason))
        for receipt, place in list(self._receipts.items()):
            if place[0] == node and index in (None, place[1]):
                del self._receipts[receipt]
                self.kernel.withdraw(receipt)

    def await_signal(self, receipt: Receipt, node: str, index: int) -> None:
        """Note that a node, or one item of it, waits for a signal."""
        self._receipts[receipt] = (node, index)

    def evaluation(self, node: Node, scope: Scope, index: int = -1) -> Evaluation:
        """Return what evaluates a node's fields."""
        seed = f"{self.kernel.seed}/{node.name}/{index}/"
        return Evaluation(node, scope, index=index, now_ms=self.kernel.now_ms, seed=seed, limits=self._limits)

    def input_of(self, node: Node, evaluation: Evaluation) -> Payload:
        """Return a node's input."""
        return self._values.input_of(node, evaluation)

    def refuse(self, node: Node, index: int, error: Exception) -> tuple[str, str]:
        """Note that a node, or an item of it, failed before it could run; returns error and cause."""
        cause = str(error)
        self.kernel.request(Refuse(node=node.name, index=index, error=EXPRESSION_ERROR, cause=cause))
        return EXPRESSION_ERROR, cause

    # -- nodes

    async def _run_nodes(self) -> None:
        first, *others = self._prepared.roots
        for name in others:
            self.kernel.spawn(self._branch(name))
        await self._chain(first)
        if self._left:
            await self._done
        if self._defect is not None:
            raise self._defect

    async def _branch(self, name: str) -> None:
        """A chain beside the main coroutine: nobody waits for it, so its errors go to where somebody does."""
        try:
            await self._chain(name)
        except Exception as error:  # noqa: BLE001 (a defect of ours must fail the workflow, not leave it waiting)
            self._defect = error
            self.kernel.settle(self._done, None)

    async def _chain(self, name: str) -> None:
        following: str | None = name
        while following is not None:
            node = self._prepared.by_name[following]
            await self._run_node(node)
            if self.stopped:
                return
            following = self._after(node)

    def _after(self, node: Node) -> str | None:
        """Count down those who need a node that has ended; return one that is ready, and start the others."""
        self._left -= 1
        if self._left == 0:
            self.kernel.settle(self._done, None)
        ready = []
        for name in self._prepared.dependants[node.name]:
            self._waiting_for[name] -= 1
            if self._waiting_for[name] == 0:
                ready.append(name)
        for name in ready[1:]:
            self.kernel.spawn(self._branch(name))
        return ready[0] if ready else None

    async def _run_node(self, node: Node) -> None:
        needs = {need: self._seen(need) for need in node.needs}
        decision = rules.verdict(node.run_if, needs.values())
        if decision != rules.RUN:
            causes = [f"{name} is {self._statuses[name]}" for name, seen in needs.items() if seen != rules.SUCCEEDED]
            self._skip(node, decision, ", ".join(causes[:3]) or f"{node.run_if} holds for nothing")
            return
        scope = self._values.scope_of(node)
        evaluation = self.evaluation(node, scope)
        try:
            if not evaluation.holds():
                self._skip(node, rules.SKIPPED, "when is false")
                return
            if node.foreach is not None:
                fan_out = FanOut(self, node, scope, evaluation.items(), evaluation.concurrency())
            else:
                work = self._work(node, scope, evaluation)
        except ExpressionError as error:
            self._failed(node, rules.FAILED, *self.refuse(node, -1, error))
            return
        if node.foreach is not None:
            status, output, error_name, cause = await fan_out.run()
            if not self.stopped:
                self._end(node, status, output, error_name, cause)
            return
        outcome = await work
        if not self.stopped:
            self._end_step(node, outcome)

    def _work(self, node: Node, scope: Scope, evaluation: Evaluation) -> Coroutine[Any, None, Outcome]:
        """Ask for what a node runs or waits for; return what waits for its outcome.

        Raises:
            ExpressionError: a field has no value, or one that does not fit.
        """
        if waits(node):
            return self._waited(node, begin_wait(self, node, scope, -1))
        request = evaluation.request(self.input_of(node, evaluation))
        if isinstance(request, StartChild):
            policy, timeout_ms = evaluation.retry(), evaluation.timeout_ms()
            return run_child(self, request, policy, timeout_ms, lambda: not self.stopped)
        return self.outcome(self.begin(request))

    async def _waited(self, node: Node, waiting: Coroutine[Any, None, Outcome]) -> Outcome:
        """Wait for a node that stands for several steps, or for none, and note its end."""
        outcome = await waiting
        if not self.stopped:
            status, error, cause = outcome.status, outcome.error, outcome.cause
            self.kernel.request(EndNode(node=node.name, status=status, error=error, cause=cause))
        return outcome

    def _end_step(self, node: Node, outcome: Outcome) -> None:
        output = Payload(outcome.data, outcome.content_type, f"the output of {node.name}") if outcome.ok else None
        self._end(node, outcome.status, output, outcome.error, outcome.cause)

    def _end(self, node: Node, status: str, output: Payload | None, error: str, cause: str) -> None:
        if output is None:
            self._failed(node, status, error, cause)
            return
        self._statuses[node.name] = rules.SUCCEEDED
        self._values.outputs[node.name] = output

    def _failed(self, node: Node, status: str, error: str, cause: str) -> None:
        self._statuses[node.name] = status
        if node.significant and self._failure is None:
            self._failure = WorkflowFailure(error or f"headrace.{status}", f"task {node.name}: {cause or status}")

    def _skip(self, node: Node, status: str, reason: str) -> None:
        self.kernel.request(Skip(node=node.name, status=status, reason=reason))
        self._statuses[node.name] = status

    def _seen(self, name: str) -> str:
        return rules.seen_as(self._statuses[name], significant=self._prepared.by_name[name].significant)

    # -- the end

    def _stop(self, reason: str) -> None:
        """Give up all that is open; what has not ended counts as cancelled."""
        self.stopped = True
        for step, (node, index) in list(self._open.items()):
            self.kernel.request(CancelStep(node=node, index=index, step=step, reason=reason))
        self._open.clear()
        for receipt in list(self._receipts):
            self.kernel.withdraw(receipt)
        self._receipts.clear()
        for name in self._prepared.by_name:
            self._statuses.setdefault(name, rules.CANCELLED)

    async def _exit(self, status: str, error: str) -> WorkflowFailure | None:
        """Run `on_exit` to its end, also when the workflow is asked to end meanwhile; return its failure.

        Raises:
            Cancelled: that request, afterwards.
        """
        node = self._prepared.graph.on_exit
        if node is None:
            return None
        fiber = self.kernel.spawn(self._run_exit(node, status, error))
        request: Cancelled | None = None
        while not fiber.done:
            try:
                await fiber
            except Cancelled as cancelled:
                request = cancelled
        if request is not None:
            raise request
        return fiber.result() if node.significant else None

    async def _run_exit(self, node: Node, status: str, error: str) -> WorkflowFailure | None:
        workflow = {**self._values.scope.values["workflow"], "status": status, "error": error}
        scope = self._values.scope_of(node).with_values(workflow=workflow)
        evaluation = self.evaluation(node, scope)
        try:
            # What tidied up after the run that failed does not stand for what tidies up after this one.
            request = msgspec.structs.replace(evaluation.request(self.input_of(node, evaluation)), on_retry="redo")
            policy, timeout_ms = evaluation.retry(), evaluation.timeout_ms()
        except ExpressionError as failure:
            name, cause = self.refuse(node, -1, failure)
            return WorkflowFailure(name, f"task {node.name}: {cause}")
        if isinstance(request, StartChild):
            outcome = await run_child(self, request, policy, timeout_ms, lambda: True)
        else:
            outcome = await self.outcome(self.begin(request))
        if outcome.ok:
            return None
        return WorkflowFailure(outcome.error or f"headrace.{outcome.status}", f"task {node.name}: {outcome.cause}")
