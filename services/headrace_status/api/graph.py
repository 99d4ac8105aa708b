"""A workflow as a graph: the nodes of its definition, or the steps it has taken, with the state of each. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from headrace_status.api.listings import CLOSED

ON_EXIT = "on_exit"
Shapes = dict[str, dict[str, Any]]
"""What nodes are, by name: task, kind, needs, foreach, and the signal of those that wait for one."""
_FINAL = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED", "UPSTREAM_FAILED"})
# Of several states under one node the first of these that occurs is shown.
_PRECEDENCE = ("RUNNING", "UNSERVED", "SCHEDULED", "WAITING", "FAILED", "TIMED_OUT", "CANCELLED", "UPSTREAM_FAILED")


def graph(
    program: str,
    source: str,
    workflow_status: str | None,
    tasks: Iterable[Mapping[str, Any]],
    ended: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return nodes and edges. `tasks` are the latest attempts of each step in order, `ended` is what foreach nodes
    ended as, by name.
    """
    by_node: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        by_node.setdefault(task["name"] or f"step {task['step']}", []).append(task)
    declared = _declared(source) if program == "graph" else None
    if declared is None:
        shapes = {name: _step_shape(found) for name, found in by_node.items()}
        edges = [{"from": first, "to": second} for first, second in zip(shapes, list(shapes)[1:], strict=False)]
        layout = "sequence"
    else:
        shapes, edges = declared
        layout = "graph"
    # Under foreach, items may follow until the node itself, or the workflow, has ended.
    more = declared is not None and workflow_status not in CLOSED
    unheard = unheard_status(workflow_status)
    nodes = [
        _node(name, shape, by_node.get(name, []), ended.get(name), unheard=unheard, more=more)
        for name, shape in shapes.items()
    ]
    if more:
        over = {node["name"] for node in nodes if node["status"] in _FINAL}
        signals = awaited_signals(shapes, over, ended)
        for node in nodes:
            if node["name"] in signals:
                node["reason"] = f"waits for signal {signals[node['name']]}"
    return {"layout": layout, "nodes": nodes, "edges": edges}


def awaited_signals(shapes: Shapes, over: Container[str], ended: Container[str]) -> dict[str, str]:
    """Return the signals that nodes of a graph wait for, by node: nothing was heard of their end, and all that they
    need is over. A signal that is waited for makes no event.
    """
    waits = {name: shape for name, shape in shapes.items() if "signal" in shape and name not in ended}
    ready = {name: shape for name, shape in waits.items() if all(need in over for need in shape["needs"])}
    return {name: shape["signal"] for name, shape in ready.items() if name != ON_EXIT}


def unheard_status(workflow_status: str | None) -> str:
    """Return the status of a node that nothing was heard of: its turn has not come, or the workflow ended before it."""
    if workflow_status not in CLOSED:
        return "WAITING"
    return "SKIPPED" if workflow_status == "SUCCEEDED" else "CANCELLED"


def count_unheard(workflow_status: str | None, declared: Iterable[str], heard: Container[str]) -> dict[str, int]:
    """Return how many nodes of a graph nothing was heard of, by the status that `graph` shows for them."""
    unheard = sum(1 for name in declared if name not in heard)
    return {unheard_status(workflow_status): unheard} if unheard else {}


def declared_shapes(source: str) -> Shapes:
    """Return what the nodes of a graph definition are, by name, its `on_exit` among them; empty where it cannot be
    read.
    """
    found = _declared(source)
    return {} if found is None else found[0]


def _declared(source: str) -> tuple[Shapes, list[dict[str, Any]]] | None:
    try:
        document = msgspec.json.decode(source)
        tasks: dict[str, Any] = document["tasks"]
        shapes = {name: _shape(task) for name, task in tasks.items()}
        edges: list[dict[str, Any]] = [
            {"from": need, "to": name} for name, shape in shapes.items() for need in shape["needs"]
        ]
        if isinstance(document.get(ON_EXIT), dict):
            needed = {edge["from"] for edge in edges}
            leaves = [name for name in shapes if name not in needed]
            shapes[ON_EXIT] = _shape(document[ON_EXIT])
            edges += [{"from": leaf, "to": ON_EXIT, "kind": "exit"} for leaf in leaves]
    except (msgspec.MsgspecError, KeyError, AttributeError, TypeError):
        return None
    return shapes, edges


def _shape(task: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"workflow": "child", "sleep": "timer", "wait_for": "signal"}
    kind = next((kinds[field] for field in kinds if field in task), "task")
    waits = next((f"{field} {task[field]}" for field in ("sleep", "wait_for") if field in task), None)
    runs = task.get("task") or task.get("workflow") or waits
    shape = {"task": runs, "kind": kind, "needs": list(task.get("needs") or []), "foreach": "foreach" in task}
    return {**shape, "signal": task["wait_for"]} if kind == "signal" else shape


def _step_shape(found: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = found[0]
    return {"task": first["task"], "kind": first["kind"], "needs": [], "foreach": first["index"] is not None}


def _node(
    name: str,
    shape: dict[str, Any],
    found: list[Mapping[str, Any]],
    ended: Mapping[str, Any] | None,
    *,
    unheard: str,
    more: bool,
) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for task in found:
        counts[task["status"]] = counts.get(task["status"], 0) + 1
    failed = next((task for task in found if task["error"]), None)
    starts = [task["started_at"] for task in found if task["started_at"]]
    ends = [task["ended_at"] for task in found if task["ended_at"]]
    over = ended is not None or (bool(found) and all(status in _FINAL for status in counts))
    return {
        "name": name,
        **shape,
        "status": ended["status"] if ended else _status(counts, more=more and shape["foreach"], unheard=unheard),
        "counts": counts,
        "attempts": max((task["attempt"] for task in found), default=0),
        "error": (ended["error"] if ended else None) or (failed["error"] if failed else None),
        "cause": (ended["cause"] if ended else None) or (failed["cause"] if failed else None),
        "reason": next((task["reason"] for task in found if task["reason"]), None),
        "child_id": next((task["child_id"] for task in found if task["child_id"]), None),
        "started_at": min(starts, default=None),
        "ended_at": (ended["ended_at"] if ended else None) or (max(ends, default=None) if over else None),
    }


def _status(counts: Mapping[str, int], *, more: bool, unheard: str) -> str:
    if not counts:
        return unheard
    if more and counts.keys() <= {"SUCCEEDED"}:
        return "RUNNING"
    return next(
        (status for status in _PRECEDENCE if status in counts), "SUCCEEDED" if "SUCCEEDED" in counts else "SKIPPED"
    )
