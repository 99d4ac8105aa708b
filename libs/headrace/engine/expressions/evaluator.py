"""Evaluates a parsed expression: the library's evaluator with our rules in it.

What differs from the library, and why:

- *Lists stay lists* (`values.Listed`): steps, filters, wildcards, grouping and functions over a list give a list
  whatever its length; operators still see a single value where there is one.
- *Integers are exact*, and equality never mixes up `1` and `true` (`numbers`).
- *Nothing is shared*: an evaluation has its own frames, and changes neither its inputs nor the functions.
- *Everything is counted*: depth, steps, and the size of every text and list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import numbers
from headrace.engine.expressions.context import Context
from headrace.engine.expressions.functions import FUNCTIONS
from headrace.engine.expressions.grouping import group
from headrace.engine.expressions.library import (
    NO_ARGUMENT,
    Functions,
    Jsonata,
    JsonataException,
    JsonataList,
    Parser,
)
from headrace.engine.expressions.operators import Operators
from headrace.engine.expressions.text import text_of
from headrace.engine.expressions.values import Listed, check_size, collapse, is_list, is_sequence

_PARSER = Parser()  # the library wants one in every evaluator; only `partial_apply_native_function` parses with it


class Frame:
    """The variables of one scope. The library's own frames rename shared functions when one is bound to a variable."""

    __slots__ = ("bindings", "is_parallel_call", "parent")

    def __init__(self, parent: Frame | None, bindings: dict[str, Any] | None = None) -> None:
        self.bindings = {} if bindings is None else bindings
        self.parent = parent
        self.is_parallel_call = False

    def bind(self, name: str, value: Any) -> None:
        """Set a variable of this scope."""
        self.bindings[name] = value

    def lookup(self, name: str) -> Any:
        """Return a variable of this scope or one around it; None when there is none."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.parent
        return None


_FUNCTION_FRAME = Frame(None, FUNCTIONS)


class Evaluator(Operators):
    """One evaluation of one expression. Made for it, and thrown away."""

    def __init__(self, context: Context) -> None:
        # Not the library's: that one parses, reads the clock and announces itself as this thread's evaluator.
        self.context = context
        self.parser = _PARSER
        self.input = None
        self.environment: Any = None
        self.limits = context.limits
        self._depth = 0
        self._callbacks = 0
        self._steps = 0

    def run(self, tree: Any, variables: dict[str, Any]) -> Any:
        """Return the raw result of a parsed expression over thawed variables; None is undefined.

        Raises:
            BudgetExceeded: it went too deep, on for too long, or grew too large.
            JsonataException: a type or a value did not fit.
        """
        before = getattr(Jsonata.CURRENT, "jsonata", None)
        Jsonata.CURRENT.jsonata = self
        try:
            return self.eval(tree, None, Frame(_FUNCTION_FRAME, variables))
        finally:
            Jsonata.CURRENT.jsonata = before

    def create_frame(self, enclosing_environment: Frame | None = None) -> Frame:
        """Return a new scope."""
        return Frame(enclosing_environment)

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:
        """Evaluate one node; the library calls this for every node that it meets."""
        self._steps += 1
        if self._steps > self.limits.steps:
            raise BudgetExceeded(f"Expected at most {self.limits.steps} steps, but the expression goes on")
        self._deeper()
        around = self.environment
        self.environment = environment
        try:
            result = self._node(expr, input, environment)
        finally:
            self.environment = around
            self._depth -= 1
        check_size(result, self.limits)
        return result

    def _node(self, expr: Any, input: Any, environment: Any) -> Any:
        method = _BY_TYPE.get(expr.type)
        result: Any = None if method is None else method(self, expr, input, environment)
        if expr.predicate is not None:
            for predicate in expr.predicate:
                result = self.evaluate_filter(predicate.expr, result, environment)
        if expr.type != "path" and expr.group is not None:
            result = self.evaluate_group_expression(expr.group, result, environment)
        if not is_sequence(result) or result.tuple_stream:
            return result
        if not result:
            return None
        if len(result) > 1 or result.keep_singleton or expr.keep_array:
            return Listed(result)
        return result[0]

    def evaluate_path(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return what a path leads to: a `Listed` when it leads through a list."""
        result = super().evaluate_path(expr, input, environment)
        if is_sequence(result) and not result.tuple_stream and any(_counts_items(step) for step in expr.steps):
            return Listed(result)
        return result

    def evaluate_step(self, expr: Any, input: Any, environment: Any, last_step: bool) -> Any:  # noqa: FBT001
        """Return what one step of a path gives for all items of its input."""
        if expr.type == "sort":
            return super().evaluate_step(expr, input, environment, last_step)
        through_list = is_list(input)
        found = []
        for item in input:
            value = self.eval(expr, item, environment)
            for stage in expr.stages or ():
                value = self.evaluate_filter(stage.expr, value, environment)
            if value is not None:
                found.append(value)
        if last_step and not through_list and len(found) == 1 and is_list(found[0]):
            return found[0]
        flat: list[Any] = []
        for value in found:
            if not isinstance(value, list) or (isinstance(value, JsonataList) and value.cons):
                flat.append(value)
            else:
                flat.extend(value)
                through_list = through_list or is_list(value)
                check_size(flat, self.limits)
        return Listed(flat) if through_list else _sequence(flat)

    def evaluate_filter(self, predicate: Any, input: Any, environment: Any) -> Any:
        """Return the items for which a predicate holds, or the item at an index."""
        if input is None:
            return _sequence([])
        if (isinstance(input, JsonataList) and input.tuple_stream) or predicate.type == "number":
            return super().evaluate_filter(predicate, input, environment)
        items = input if isinstance(input, list) else [input]
        by_index = not items and predicate.type not in ("binary", "function")
        chosen: list[Any] = []
        for at, item in enumerate(items):
            answer = collapse(self.eval(predicate, item, environment))
            wanted = answer if isinstance(answer, list) else [answer]
            if wanted and all(numbers.is_number(index) for index in wanted):
                by_index = by_index or not isinstance(answer, list)
                chosen.extend(item for index in wanted if int(index) in (at, at - len(items)))
            elif Jsonata.boolize(answer):
                chosen.append(item)
        return Listed(chosen) if is_list(input) and not by_index else _sequence(chosen)

    def evaluate_group_expression(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return an object of groups; each group of a list is a list."""
        if isinstance(input, JsonataList) and input.tuple_stream:
            return super().evaluate_group_expression(expr, input or [], environment)
        return group(self.eval, expr, input, environment)

    def evaluate_name(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return the field of an object, or of all objects of a list."""
        result = Functions.lookup(input, str(expr.value))
        return Listed(result) if isinstance(input, list) else result

    def evaluate_wildcard(self, expr: Any, input: Any) -> Any:
        """Return the values of all fields, as a list."""
        return Listed(super().evaluate_wildcard(expr, input))

    def evaluate_descendants(self, expr: Any, input: Any) -> Any:
        """Return a value and all that is in it, as a list."""
        found: list[Any] = []
        if input is not None:
            self.recurse_descendants(input, found)
        return Listed(found)

    def evaluate_unary(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return a negated number, or what a constructor makes."""
        if expr.value != "-":
            return super().evaluate_unary(expr, input, environment)
        value = collapse(self.eval(expr.expression, input, environment))
        if value is None:
            return None
        if not numbers.is_number(value):
            raise JsonataException("D1002", expr.position, expr.value, text_of(value, self.limits)[:50])
        return numbers.checked(-value)

    def apply(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:
        """Call a function with evaluated arguments."""
        callee = collapse(proc)
        if not self.is_function_like(callee):
            raise JsonataException("T1006", -1)
        self._deeper()
        try:
            return super().apply(callee, args, input, environment)
        finally:
            self._depth -= 1

    def evaluate_sort_expression(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return a list ordered by terms, which are evaluated from within Python's sort."""
        with self.callback():
            return super().evaluate_sort_expression(expr, input, environment)

    @contextmanager
    def callback(self) -> Iterator[None]:
        """Count a function that calls functions, for as long as it runs.

        Raises:
            BudgetExceeded: there are too many inside each other.
        """
        if self._callbacks >= self.limits.callbacks:
            raise BudgetExceeded(
                f"Expected a recursion of at most {self.limits.callbacks} levels through functions such as $map and "
                "$sort, but it goes deeper"
            )
        self._callbacks += 1
        try:
            yield
        finally:
            self._callbacks -= 1

    def _deeper(self) -> None:
        """Count a level; calls count beside nodes."""
        if self._depth >= self.limits.depth:
            raise BudgetExceeded(f"Expected a recursion of at most {self.limits.depth} levels, but it goes deeper")
        self._depth += 1

    def partial_apply_native_function(self, native: Any, args: Any) -> Any:
        """Return a built-in function with some arguments set."""
        self.parser = Parser()  # it parses, and a parser keeps what it parsed last
        return super().partial_apply_native_function(native, args)


def _counts_items(step: Any) -> bool:
    return step.focus is not None or step.index is not None or any(s.type == "index" for s in step.stages or ())


def _sequence(items: list[Any]) -> Any:
    result = JsonataList(items)
    result.sequence = True
    return result


_Method = Callable[[Evaluator, Any, Any, Any], Any]
_BY_TYPE: dict[str, _Method] = {
    "path": Evaluator.evaluate_path,
    "binary": Evaluator.evaluate_binary,
    "unary": Evaluator.evaluate_unary,
    "name": Evaluator.evaluate_name,
    "string": lambda self, expr, _input, _frame: self.evaluate_literal(expr),
    "number": lambda self, expr, _input, _frame: self.evaluate_literal(expr),
    "value": lambda self, expr, _input, _frame: self.evaluate_literal(expr),
    "wildcard": lambda self, expr, input_, _frame: self.evaluate_wildcard(expr, input_),
    "descendant": lambda self, expr, input_, _frame: self.evaluate_descendants(expr, input_),
    "parent": lambda _self, expr, _input, frame: frame.lookup(expr.slot.label),
    "condition": Evaluator.evaluate_condition,
    "block": Evaluator.evaluate_block,
    "bind": Evaluator.evaluate_bind_expression,
    "regex": lambda self, expr, _input, _frame: self.evaluate_regex(expr),
    "function": lambda self, expr, input_, frame: self.evaluate_function(expr, input_, frame, NO_ARGUMENT),
    "variable": Evaluator.evaluate_variable,
    "lambda": Evaluator.evaluate_lambda,
    "partial": Evaluator.evaluate_partial_application,
    "apply": Evaluator.evaluate_apply_expression,
    "transform": Evaluator.evaluate_transform_expression,
}
