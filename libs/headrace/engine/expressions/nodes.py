"""The shape of the library's tree: which nodes a node has, and what they see as their context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_SAME_CONTEXT = ("lhs", "rhs", "expression", "procedure", "body", "condition", "then", "_else")
_SAME_CONTEXT_LISTS = ("arguments", "expressions")


def scoped_children(node: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each child, and whether it gets a context of its own (an item of a path, a filter, a group, a sort)."""
    for name in _SAME_CONTEXT:
        child = getattr(node, name)
        if child is not None:
            yield child, False
    for name in _SAME_CONTEXT_LISTS:
        for child in getattr(node, name) or ():
            yield child, False
    for at, step in enumerate(node.steps or ()):
        yield step, at > 0
    for stage in (*(node.stages or ()), *(node.predicate or ())):
        if stage.expr is not None:
            yield stage.expr, True
    if node.lhs_object:
        for key, value in node.lhs_object:
            yield key, False
            yield value, False
    if node.group is not None:
        yield node.group, True
    for term in node.terms or ():
        yield term.expression, True
    for name in ("pattern", "update", "delete"):
        child = getattr(node, name)
        if child is not None:
            yield child, True


def children(node: Any) -> Iterator[Any]:
    """Yield each child."""
    for child, _ in scoped_children(node):
        yield child
