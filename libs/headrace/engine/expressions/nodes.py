"""The shape of the library's tree: which nodes a node has, and what they see as their context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_SAME_CONTEXT = ("lhs", "rhs", "expression", "procedure", "body", "condition", "then", "_else")
_SAME_CONTEXT_LISTS = ("arguments", "expressions")


def scoped_children(node: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each child, and whether it gets a context of its own (an item of a path, a filter, a group, a sort)."""
    for child in _in_same_context(node):
        yield child, False
    for child in _in_own_context(node):
        yield child, True


def _in_same_context(node: Any) -> Iterator[Any]:
    yield from _present(getattr(node, name) for name in _SAME_CONTEXT)
    for name in _SAME_CONTEXT_LISTS:
        yield from getattr(node, name) or ()
    yield from (node.steps or ())[:1]
    for pair in node.lhs_object or ():
        yield from pair


def _in_own_context(node: Any) -> Iterator[Any]:
    yield from (node.steps or ())[1:]
    yield from _present(stage.expr for stage in (*(node.stages or ()), *(node.predicate or ())))
    yield from (term.expression for term in node.terms or ())
    yield from _present((node.group, node.pattern, node.update, node.delete))


def _present(nodes: Iterable[Any]) -> Iterator[Any]:
    return (node for node in nodes if node is not None)


def children(node: Any) -> Iterator[Any]:
    """Yield each child."""
    for child, _ in scoped_children(node):
        yield child
