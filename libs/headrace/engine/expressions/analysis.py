"""What can be known about an expression before it runs: which variables and tasks it uses, and that all of them
exist.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.engine.expressions.errors import InvalidExpression
from headrace.engine.expressions.functions import FUNCTIONS
from headrace.engine.expressions.nodes import scoped_children

TASKS = "tasks"
# variable -> the fields that it has; None: any. A task has `output` and `status`.
TASK_FIELDS = frozenset(("output", "status"))
GRAPH_VARIABLES: Mapping[str, frozenset[str] | None] = {
    "input": None,
    TASKS: None,
    "workflow": frozenset(("id", "attempt", "status", "error")),
    "previous": frozenset(("output",)),
    "item": None,
    "index": None,
    "token": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What an expression uses.

    Attributes:
        references: the tasks that it names, as in `$tasks.NAME`.
        dynamic: whether it uses `$tasks` in a way that could reach any task (`$tasks[...]`, `$tasks.*`,
        `$keys($tasks)`). variables: the variables from outside that it uses (`input`, `item`, ...).
        paths: variable -> the fields of it that it names ("" for the variable as a whole).
    """

    references: frozenset[str]
    dynamic: bool
    variables: frozenset[str]
    paths: Mapping[str, frozenset[str]]


def analyse(tree: Any, source: str, variables: Mapping[str, frozenset[str] | None] | None) -> Analysis:
    """Return what an expression uses. `variables` are those that it may use, None for any.

    Raises:
        InvalidExpression: a variable or function that does not exist, or a name where there is nothing to find it in.
    """
    walk = _Walk(source, variables)
    walk.collect_local(tree)
    walk.visit(tree)
    return Analysis(
        references=frozenset(walk.references),
        dynamic=walk.dynamic,
        variables=frozenset(walk.used),
        paths={name: frozenset(fields) for name, fields in walk.paths.items()},
    )


class _Walk:
    def __init__(self, source: str, variables: Mapping[str, frozenset[str] | None] | None) -> None:
        self.source = source
        self.variables = variables
        self.local: set[str] = set()
        self.references: set[str] = set()
        self.used: set[str] = set()
        self.paths: dict[str, set[str]] = {}
        self.dynamic = False

    def collect_local(self, tree: Any) -> None:
        """Note the variables that the expression itself binds, wherever it does."""
        pending, seen = [tree], set()
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            names = [node.lhs] if node.type == "bind" else (node.arguments or []) if node.type == "lambda" else []
            bound = [(str(name.value), name.position) for name in names if name.type == "variable"]
            bound += [(str(name), node.position) for name in (node.focus, node.index) if isinstance(name, str)]
            bound += [(str(s.value), s.position) for s in node.stages or () if s.type == "index"]
            for name, position in bound:
                if self.variables is not None and name in self.variables:
                    raise self._error(f"Expected a new name for a variable, but ${name} is given", position - len(name))
                self.local.add(name)
            pending.extend(child for child, _ in scoped_children(node))

    def visit(self, tree: Any) -> None:
        """Check every node of the tree."""
        pending = [(tree, False)]
        seen = set()
        while pending:
            node, has_context = pending.pop()
            if (id(node), has_context) in seen:
                continue
            seen.add((id(node), has_context))
            skip = 0
            if node.type == "path":
                skip = self._path(node, has_context=has_context)
            elif node.type == "variable":
                self._variable(node, None)
            elif node.type == "name" and not has_context and self.variables is not None:
                raise self._bare_name(node)
            if skip:
                head = node.steps[0]
                pending.extend((stage.expr, True) for stage in head.predicate or ())
                pending.extend((step, True) for step in node.steps[1:])
                if node.group is not None:
                    pending.append((node.group, True))
            else:
                pending.extend((child, has_context or own) for child, own in scoped_children(node))

    def _path(self, node: Any, *, has_context: bool) -> int:
        """Check a path's head; returns 1 when the head was a variable and is done."""
        head = node.steps[0]
        if head.type == "name" and not has_context and self.variables is not None:
            raise self._bare_name(head)
        if head.type != "variable" or head.value in ("", "$") or head.value in self.local:
            return 0
        fields = []
        plain = not head.predicate and not head.stages and head.focus is None and head.index is None
        for step in node.steps[1:] if plain else ():
            if step.type != "name":
                break
            fields.append(step)
            if step.stages or step.predicate:
                break
        self._variable(head, fields)
        return 1

    def _variable(self, node: Any, fields: list[Any] | None) -> None:
        name = str(node.value)
        if name == "" or name in self.local or (name in FUNCTIONS and not self._is_given(name)):
            return
        if not self._is_given(name):
            raise self._unknown(name, node.position - len(name))
        self.used.add(name)
        first = str(fields[0].value) if fields else ""
        self.paths.setdefault(name, set()).add(first)
        if self.variables is None:
            return
        known = self.variables[name]
        if known is not None and fields and first not in known:
            raise self._unknown_field(f"${name}", first, known, _start(fields[0]))
        if name == TASKS:
            self._task(fields or [])

    def _task(self, fields: list[Any]) -> None:
        if not fields or fields[0].stages or fields[0].predicate:
            self.dynamic = True
            return
        task = str(fields[0].value)
        self.references.add(task)
        if len(fields) > 1 and fields[1].value not in TASK_FIELDS:
            raise self._unknown_field(f"$tasks.{task}", str(fields[1].value), TASK_FIELDS, _start(fields[1]))

    def _is_given(self, name: str) -> bool:
        return self.variables is None or name in self.variables

    def _unknown(self, name: str, position: int) -> InvalidExpression:
        if name == "eval":
            return self._error(
                "Expected a function that exists, but $eval is left out: all code is checked at deploy", position
            )
        if name == "$":
            return self._error("Expected a variable, but $$ has no document to stand for; use $input", position)
        given = sorted(self.variables or ())
        near = difflib.get_close_matches(name, [*given, *self.local, *FUNCTIONS], 1)
        hint = f"; did you mean ${near[0]}?" if near else ""
        return self._error(
            f"Expected one of {', '.join('$' + v for v in given)}, but ${name} is unknown{hint}", position
        )

    def _unknown_field(self, owner: str, field: str, known: frozenset[str], position: int) -> InvalidExpression:
        options = " or ".join(f"{owner}.{name}" for name in sorted(known))
        return self._error(f"Expected {options}, but {owner}.{field} is unknown", position)

    def _bare_name(self, node: Any) -> InvalidExpression:
        name = str(node.value)
        hint = f"${name}" if self._is_given(name) or name in FUNCTIONS or name in self.local else "$input." + name
        return self._error(
            f"Expected a variable, but {name} is looked up in nothing; did you mean {hint}?", _start(node)
        )

    def _error(self, message: str, position: int) -> InvalidExpression:
        return InvalidExpression(message, source=self.source, column=position)


def _start(node: Any) -> int:
    """Return the column of a name, from 1; the library notes where it ends."""
    return max(int(node.position) - len(str(node.value)) + 1, 0)
