"""Evaluates the fields of a node, and makes of them what the kernel is asked for."""

from __future__ import annotations

from typing import Any

from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_rules import TaskRules
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import Expression, ExpressionError, Limits, Scope, Template, compile_expression
from headrace.engine.graph import Node
from headrace.engine.graph.checker import MAX_NAME, TARGET
from headrace.engine.graph.durations import describe, parse_duration
from headrace.engine.graph.nodes import MAX_CONCURRENCY, MAX_UNITS
from headrace.engine.graph.retries import parse_retry
from headrace.engine.graph.rules import filled
from headrace.engine.identity import is_signal_name
from headrace.engine.kernel.requests import Request, RunTask, Sleep, StartChild
from headrace.engine.programs.graph.payloads import Payload, encode
from headrace.engine.programs.graph.prepared import Filling

# Every item is a step of the run: its state must hold them all. Beyond this, let a task cut the list into pieces.
MAX_ITEMS = 100_000


class Evaluation:
    """The fields of one node for one item (index -1: no fan-out), at one time."""

    __slots__ = ("_index", "_limits", "_node", "_now_ms", "_scope", "_seed")

    def __init__(self, node: Node, scope: Scope, *, index: int, now_ms: int, seed: str, limits: Limits) -> None:
        self._node = node
        self._scope = scope
        self._index = index
        self._now_ms = now_ms
        self._seed = seed
        self._limits = limits

    def value(self, part: Expression | Template, field: str) -> Any:
        """Return the result of an expression or template of a field.

        Raises:
            ExpressionError: as `Expression.evaluate`.
        """
        return part.evaluate(self._scope, now_ms=self._now_ms, seed=self._seed + field, limits=self._limits)

    def holds(self) -> bool:
        """Return whether `when` holds, by JSONata's rules: empty, zero, null and false do not."""
        when = self._node.when
        if when is None or isinstance(when, bool):
            return when is not False
        return _holds(self.value(when, "when"))

    def items(self) -> list[Any]:
        """Return the list that a fan-out runs over."""
        assert self._node.foreach is not None
        found = self.value(self._node.foreach, "foreach")
        if not isinstance(found, list):
            raise self._mismatch(f"Expected a list, but found {describe(found)}", "foreach")
        if len(found) > MAX_ITEMS:
            raise self._mismatch(f"Expected at most {MAX_ITEMS} items, but found {len(found)}", "foreach")
        return found

    def concurrency(self) -> int:
        """Return how many items may run at once; 0: all."""
        return self._integer(self._node.concurrency, "concurrency", 1, MAX_CONCURRENCY)

    def retry(self) -> RetryPolicy | None:
        """Return the retry rules."""
        retry = self._node.retry
        if not isinstance(retry, Template):
            return retry
        try:
            return parse_retry(self.value(retry, "retry"))
        except ValueError as error:
            raise self._mismatch(str(error), "retry") from None

    def timeout_ms(self) -> int:
        """Return the time limit of one attempt, in milliseconds; 0: none."""
        return self._duration(self._node.timeout_ms, "timeout")

    def request(self, data: Payload) -> Request:
        """Return what this node asks the kernel for."""
        node = self._node
        if node.kind == "sleep":
            return Sleep(node=node.name, index=self._index, duration_ms=self._duration(node.sleep_ms, "sleep"))
        if node.kind == "workflow":
            return StartChild(
                node=node.name,
                index=self._index,
                name=node.target,
                input=data.data,
                content_type=data.content_type,
                on_retry=node.on_retry,
            )
        resource = node.resource
        return RunTask(
            node=node.name,
            index=self._index,
            task=node.target,
            queue=self._queue(),
            priority=self._integer(node.priority, "priority", 0, 9),
            input=data.data,
            content_type=data.content_type,
            timeout_ms=self.timeout_ms(),
            heartbeat_ms=node.heartbeat_ms,
            retry=self.retry(),
            resource=resource.name if resource else "",
            units=self._integer(resource.units, "units", 1, resource.capacity or MAX_UNITS) if resource else 0,
            capacity=resource.capacity if resource else 0,
            rules=self._rules(node.rules) if node.rules else None,
            on_retry=node.on_retry,
        )

    def signal(self) -> str:
        """Return the name of the signal that this node waits for."""
        signal = self._node.signal
        found = signal if isinstance(signal, str) else self.value(signal, "wait_for")
        if not isinstance(found, str) or not is_signal_name(found):
            raise self._mismatch(f"Expected the name of a signal, but found {describe(found)}", "wait_for")
        return found

    def callback_ms(self) -> tuple[int, int]:
        """Return how long this node waits for its callback, and for signs of life, in milliseconds; 0: for ever."""
        callback = self._node.callback
        assert callback is not None
        return self._duration(callback.timeout_ms, "callback"), callback.heartbeat_ms

    def payload(self, filling: Filling, field: str) -> Payload:
        """Return the payload of a template that must be evaluated."""
        return encode(self.value(filling.template, field), f"the {field} of {self._node.name}")

    def _queue(self) -> str:
        queue = self._node.queue
        if isinstance(queue, str):
            return queue
        found = self.value(queue, "queue")
        if not isinstance(found, str) or not TARGET.match(found) or len(found) > MAX_NAME:
            raise self._mismatch(f"Expected the name of a queue, but found {describe(found)}", "queue")
        return found

    def _rules(self, rules: DispatchRules) -> TaskRules:
        values = {name: self.value(compile_expression(text), name) for name, text in rules.expressions.items()}
        try:
            return filled(rules, values)
        except ValueError as error:
            raise self._mismatch(str(error), "rules") from None

    def _integer(self, part: int | Expression, field: str, lowest: int, highest: int) -> int:
        if isinstance(part, int):
            return part
        found = self.value(part, field)
        if isinstance(found, bool) or not isinstance(found, int) or not lowest <= found <= highest:
            message = f"Expected an integer from {lowest} to {highest}, but found {describe(found)}"
            raise self._mismatch(message, field)
        return found

    def _duration(self, part: int | Expression, field: str) -> int:
        if isinstance(part, int):
            return part
        try:
            return parse_duration(self.value(part, field))
        except ValueError as error:
            raise self._mismatch(str(error), field) from None

    def _mismatch(self, message: str, field: str) -> ExpressionError:
        return ExpressionError(message, place=f"tasks.{self._node.name}.{field}")


def _holds(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds(item) for item in value)
    return bool(value)
