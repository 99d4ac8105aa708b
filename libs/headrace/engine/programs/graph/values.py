"""What the expressions of one run see, and the payloads that are made of them."""

from __future__ import annotations

from typing import Any

from headrace.engine.expressions import ExpressionError, Limits, Scope
from headrace.engine.graph import Node
from headrace.engine.programs.graph.evaluation import Evaluation
from headrace.engine.programs.graph.payloads import Payload, TasksView, encode, join_object
from headrace.engine.programs.graph.prepared import INPUT, Filling, PreparedGraph
from headrace.engine.programs.program import RunInfo


class Values:
    """Statuses and outputs of a run's tasks so far, and its input.

    Attributes:
        scope: the variables that all expressions share.
    """

    def __init__(self, prepared: PreparedGraph, info: RunInfo, limits: Limits) -> None:
        """Raise ExpressionError when the input is no JSON and an expression looks into it."""
        self.statuses: dict[str, str] = {}
        self.outputs: dict[str, Payload] = {}
        self._prepared = prepared
        self._info = info
        self._limits = limits
        self._input = Payload(info.input, info.content_type, "the workflow's input")
        self.scope = Scope(self._variables())

    def output(self, now_ms: int) -> Payload:
        """Return the workflow's output.

        Raises:
            ExpressionError: it has no value.
        """
        prepared = self._prepared
        if prepared.output is None:
            leaves = {name: self.outputs.get(name) for name in prepared.leaves}
            if len(leaves) > 1:
                return join_object(leaves, "the workflow's output")
            return next(iter(leaves.values())) or encode(None, "the workflow's output")
        filling = prepared.output
        if (known := self._known(filling)) is not None:
            return known
        view = TasksView(tuple(prepared.by_name), self.statuses, self.outputs)
        value = filling.template.evaluate(
            self.scope.with_values(tasks=view),
            now_ms=now_ms,
            seed=f"{self._info.run_id}//output",
            limits=self._limits,
        )
        return encode(value, "the workflow's output")

    def _variables(self) -> dict[str, Any]:
        info = self._info
        values: dict[str, Any] = {"workflow": {"id": info.workflow_id, "attempt": info.attempt}}
        if "input" in self._prepared.variables:
            values["input"] = self._input.value()
        if info.previous and "previous" in self._prepared.variables:
            previous = Payload(info.previous, self._input.content_type, "the previous output")
            values["previous"] = {"output": previous.value()}
        return values

    def scope_of(self, node: Node) -> Scope:
        """Return what a node's expressions see."""
        return self.scope.with_values(tasks=TasksView(self._prepared.visible[node.name], self.statuses, self.outputs))

    def input_of(self, node: Node, evaluation: Evaluation) -> Payload:
        """Return a node's input.

        Raises:
            ExpressionError: it has no value, or is larger than the payload limit.
        """
        filling = self._prepared.inputs[node.name]
        known = self._known(filling)
        payload = known if known is not None else evaluation.payload(filling, "input")
        limit = self._limits.result_bytes
        if len(payload.data) > limit:
            message = f"Expected at most {limit} bytes, but there are {len(payload.data)}; pass a reference instead"
            raise ExpressionError(message, payload.what)
        return payload

    def _known(self, filling: Filling) -> Payload | None:
        """Return a payload that needs no evaluation."""
        if filling.constant is not None:
            return filling.constant
        if filling.whole is None:
            return None
        return self._input if filling.whole == INPUT else self.outputs.get(filling.whole)
