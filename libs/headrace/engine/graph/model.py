"""A graph that has been checked: frozen, typed, with its expressions compiled. The program walks it as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from headrace.contracts.retry import RetryPolicy
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import Expression, Template, compile_expression

RunIf: TypeAlias = Literal["all_succeeded", "none_failed", "all_done", "any_failed"]
Kind: TypeAlias = Literal["task", "workflow", "sleep", "wait_for"]
OnRetry: TypeAlias = Literal["", "redo", "keep"]
RUN_IF: tuple[RunIf, ...] = ("all_succeeded", "none_failed", "all_done", "any_failed")
ON_EXIT = "on_exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """What a task holds while it runs.

    Attributes:
        capacity: as this document declares it; 0 when the resource is declared elsewhere.
    """

    name: str
    units: int | Expression
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackWait:
    """How long a node waits for the completion of its token, and for signs of life. 0: for ever."""

    timeout_ms: int | Expression = 0
    heartbeat_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task of a graph.

    Attributes:
        name: its name in the document.
        kind: what it runs: a worker's task, a child workflow, or a timer; or that it waits for a signal.
        target: the name of that task or workflow; empty for others.
        sleep_ms: how long a timer runs; 0 for others.
        signal: the name of the signal that it waits for; empty for others.
        callback: the node's task gets a token, and the node waits for its completion. None: it does not.
        needs: the tasks that must end before this one, as the document has them.
        ancestors: all tasks that end before this one: what its expressions see.
        when: false skips it. None: always.
        foreach: gives the list to run over. None: one run.
        concurrency: how many items run at once; 0: all.
        tolerate: how many items may fail.
        input: what it gets; sees `$item` and `$index` in a fan-out, as do retry, timeout, priority, queue and units.
        retry: None: one attempt. A template is evaluated and parsed (`retries.parse_retry`) for each run.
        timeout_ms: of one attempt, or of the wait for a signal; 0: none. An expression gives a duration
            (`durations.parse_duration`).
        significant: whether its failure fails the workflow.
        rules: what the dispatcher heeds beyond queue and priority.
        on_retry: what a retry of the workflow does with its result: takes it over where the input is the same (empty),
            never (redo), or whatever the input (keep).
    """

    name: str
    kind: Kind
    target: str = ""
    sleep_ms: int | Expression = 0
    signal: str | Expression = ""
    callback: CallbackWait | None = None
    needs: tuple[str, ...] = ()
    ancestors: frozenset[str] = frozenset()
    run_if: RunIf = "all_succeeded"
    when: Expression | bool | None = None
    foreach: Template | None = None
    concurrency: int | Expression = 0
    tolerate: int = 0
    input: Template
    retry: RetryPolicy | Template | None = None
    timeout_ms: int | Expression = 0
    heartbeat_ms: int = 0
    priority: int | Expression = 5
    queue: str | Expression = "default"
    significant: bool = True
    resource: ResourceUse | None = None
    rules: DispatchRules | None = None
    on_retry: OnRetry = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A workflow as a graph.

    Attributes:
        resources: name -> capacity, as this document declares them.
        timeout_ms: of a whole run; 0: none.
        nodes: in topological order; those that do not depend on each other in the document's order.
        on_exit: runs last, whatever happened. It sees all tasks, and `$workflow.status` and `$workflow.error`.
        output: the workflow's output; None: null.
        key: which runs `$previous` looks at: those with the same key. None: all of this name.
        document: the document itself, as JSON.
    """

    name: str
    description: str = ""
    resources: Mapping[str, int] = field(default_factory=dict)
    timeout_ms: int = 0
    nodes: tuple[Node, ...]
    on_exit: Node | None = None
    output: Template | None = None
    key: Template | None = None
    document: Mapping[str, Any] = field(repr=False)

    def node(self, name: str) -> Node:
        """Return a node by its name.

        Raises:
            KeyError: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def to_document(self) -> dict[str, Any]:
        """Return the document as JSON values; `load_graph` gives this graph for it."""
        return dict(self.document)

    def canonical_json(self) -> bytes:
        """Return the document as bytes to hash. Keys keep their order: it is the order in which tasks start."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")

    @property
    def queues(self) -> list[str]:
        """The queues of its tasks; those that expressions give are not known."""
        nodes = (*self.nodes, *([self.on_exit] if self.on_exit else []))
        return sorted({node.queue for node in nodes if node.kind == "task" and isinstance(node.queue, str)})

    @property
    def uses_previous(self) -> bool:
        """Whether an expression looks at `$previous`, so that a start must find that run."""
        return any("previous" in expression.variables for _, expression in all_expressions(self))


def all_expressions(graph: Graph) -> list[tuple[str, Expression]]:
    """Return every expression of a graph with the name of the node that it stands in (empty: the workflow's own)."""
    found: list[tuple[str, Expression]] = []
    for template in (graph.output, graph.key):
        found += [("", expression) for _, expression in (template.expressions if template else ())]
    for node in (*graph.nodes, *([graph.on_exit] if graph.on_exit else [])):
        units = node.resource.units if node.resource else 0
        wait = node.callback.timeout_ms if node.callback else 0
        waits = (node.sleep_ms, node.signal, wait)
        single = (*waits, node.when, node.concurrency, node.timeout_ms, node.priority, node.queue, units)
        found += [(node.name, part) for part in single if isinstance(part, Expression)]
        texts = node.rules.expressions.values() if node.rules else ()
        found += [(node.name, compile_expression(text)) for text in texts]
        for part in (node.foreach, node.input, node.retry):
            if isinstance(part, Template):
                found += [(node.name, expression) for _, expression in part.expressions]
    return found
