"""Checks that need the whole graph: needs that exist, no cycles, and expressions that see only what is there by
then.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace

from headrace.engine.expressions import Expression
from headrace.engine.graph.checker import Checker
from headrace.engine.graph.model import Node
from headrace.engine.graph.problems import Path
from headrace.engine.graph.rules import EXPRESSIONS

_WORKFLOW_FIELDS = frozenset(("", "id", "attempt"))
# Of a fan-out: these are evaluated for each item, the others once.
_PER_ITEM = frozenset(
    ("input", "retry", "timeout", "priority", "queue", "resource", "wait_for", "callback", *EXPRESSIONS)
)
_PER_ITEM_VARIABLES = ("item", "index")


def order_nodes(check: Checker, nodes: Mapping[str, Node], entries: frozenset[str]) -> tuple[Node, ...]:
    """Return the nodes in topological order, with their ancestors; () when there is a cycle.

    `entries` are the names of all tasks in the document, those included that could not be read.
    """
    for node in nodes.values():
        for at, need in enumerate(node.needs):
            if need not in entries:
                near = difflib.get_close_matches(need, sorted(entries), 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                path = ("tasks", node.name, "needs", at)
                check.refuse(path, f"Expected a task of this graph in needs, but {need} is unknown{hint}")
    ordered: dict[str, Node] = {}
    waiting = dict(nodes)
    while waiting:
        ready = next(
            (node for node in waiting.values() if not any(need in waiting for need in node.needs)),
            None,
        )
        if ready is None:
            cycle = _cycle(waiting)
            text = " needs ".join(cycle)
            check.refuse(("tasks", cycle[0], "needs"), f"Expected tasks without a cycle, but {text}")
            return ()
        del waiting[ready.name]
        above = frozenset(ready.needs).union(*(ordered[need].ancestors for need in ready.needs if need in ordered))
        ordered[ready.name] = replace(ready, ancestors=above)
    return tuple(ordered.values())


def _cycle(waiting: Mapping[str, Node]) -> list[str]:
    """Return the names of one cycle, the first one again at the end. Every node here needs another one here."""
    path: list[str] = []
    name = next(iter(waiting))
    while name not in path:
        path.append(name)
        name = next(need for need in waiting[name].needs if need in waiting)
    return [*path[path.index(name) :], name]


def check_expressions(check: Checker, nodes: Mapping[str, Node], entries: frozenset[str]) -> None:
    """Check that every expression sees the tasks and variables that it uses."""
    seen = set()
    for path, expression in check.expressions:
        if (path, expression.source) in seen:
            continue  # a default, read again for every task
        seen.add((path, expression.source))
        _check_tasks(check, path, expression, nodes, entries)
        _check_variables(check, path, expression, nodes)


def _check_tasks(
    check: Checker, path: Path, expression: Expression, nodes: Mapping[str, Node], entries: frozenset[str]
) -> None:
    owner = nodes.get(str(path[1])) if path[0] == "tasks" and len(path) > 1 else None
    for name in sorted(expression.references):
        if name not in entries:
            near = difflib.get_close_matches(name, sorted(entries), 1)
            hint = f"; did you mean $tasks.{near[0]}?" if near else ""
            check.refuse(path, f"Expected a task of this graph, but $tasks.{name} is unknown{hint}")
        elif path[0] in ("defaults", "key"):
            check.refuse(path, f"Expected no tasks in {path[0]}, but it uses $tasks.{name}")
        elif owner is not None and name not in owner.ancestors:
            message = f"Expected {name} among the needs of {owner.name}, directly or through others, but it is not"
            check.refuse(path, f"{message}; add {name} to its needs to use $tasks.{name}")
    if expression.dynamic and path[0] in ("defaults", "key"):
        check.refuse(path, f"Expected no tasks in {path[0]}, but it uses $tasks")


def _check_variables(check: Checker, path: Path, expression: Expression, nodes: Mapping[str, Node]) -> None:
    is_task = path[0] == "tasks" and len(path) > 2
    owner = nodes.get(str(path[1])) if is_task else None
    for name in _PER_ITEM_VARIABLES:
        if name not in expression.variables:
            continue
        if owner is None or owner.foreach is None:
            check.refuse(path, f"Expected ${name} only in a task with foreach, but it is used here")
        elif path[2] not in _PER_ITEM:
            fields = ", ".join(sorted(_PER_ITEM))
            check.refuse(path, f"Expected ${name} only where each item is looked at ({fields}), but {path[2]} is not")
    if "token" in expression.variables and (owner is None or owner.callback is None or path[2] != "input"):
        check.refuse(path, "Expected $token only in the input of a task with a callback, but it is used here")
    if path[0] != "on_exit":
        for field in sorted(expression.analysis.paths.get("workflow", frozenset()) - _WORKFLOW_FIELDS):
            check.refuse(path, f"Expected $workflow.id or $workflow.attempt, but $workflow.{field} is for on_exit only")
    if path[0] == "key" and "previous" in expression.variables:
        check.refuse(path, "Expected a key that does not depend on $previous, but it finds $previous")
