"""A graph ready to run: what can be worked out once for all runs of a version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.engine.expressions import Expression, Template
from headrace.engine.graph import Graph, Node
from headrace.engine.graph.model import all_expressions
from headrace.engine.programs.graph.payloads import Payload, encode

_WHOLE_OUTPUT = re.compile(r"\s*\$tasks\.([a-z][a-z0-9_]*)\.output\s*\Z")
_WHOLE_INPUT = re.compile(r"\s*\$input\s*\Z")
INPUT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How a template becomes a payload: it is constant, or one payload as it is, or it must be evaluated.

    Attributes:
        constant: the payload of a template without expressions.
        whole: the task whose output it is, untouched, so that nobody has to decode it; `INPUT` for the workflow's
        input.
    """

    template: Template
    constant: Payload | None
    whole: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedGraph:
    """A graph with its edges turned around.

    Attributes:
        by_name: the nodes, in topological order.
        dependants: name -> those who need it, in topological order.
        roots: those who need nothing.
        leaves: those whom nobody needs: their outputs are the workflow's where it names none.
        visible: name -> the ancestors, in topological order: what its expressions see.
        inputs: name -> how its input is made.
        variables: what any of its expressions looks at, so that nothing else is decoded.
    """

    graph: Graph
    by_name: Mapping[str, Node]
    dependants: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]
    leaves: tuple[str, ...]
    visible: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, Filling]
    output: Filling | None
    variables: frozenset[str]


def prepare_graph(graph: Graph) -> PreparedGraph:
    """Return a graph ready to run."""
    nodes = graph.nodes
    dependants = {node.name: tuple(other.name for other in nodes if node.name in other.needs) for node in nodes}
    every = (*nodes, *([graph.on_exit] if graph.on_exit else ()))
    visible = {node.name: tuple(other.name for other in nodes if other.name in node.ancestors) for node in nodes}
    if graph.on_exit:
        visible[graph.on_exit.name] = tuple(node.name for node in nodes)
    return PreparedGraph(
        graph=graph,
        by_name={node.name: node for node in nodes},
        dependants=dependants,
        roots=tuple(node.name for node in nodes if not node.needs),
        leaves=tuple(name for name, found in dependants.items() if not found),
        visible=visible,
        inputs={node.name: _filling(node.input, f"the input of {node.name}") for node in every},
        output=_filling(graph.output, "the output") if graph.output else None,
        variables=frozenset().union(*(expression.variables for _, expression in all_expressions(graph))),
    )


def _filling(template: Template, what: str) -> Filling:
    constant = None if template.expressions else encode(template.value, what)
    return Filling(template=template, constant=constant, whole=_whole(template))


def _whole(template: Template) -> str | None:
    if not isinstance(template.parts, Expression):
        return None
    if _WHOLE_INPUT.match(template.parts.source):
        return INPUT
    found = _WHOLE_OUTPUT.match(template.parts.source)
    return found.group(1) if found else None
