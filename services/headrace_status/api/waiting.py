"""What a workflow shows of itself while it runs: what it waits for, and what it has published."""

from __future__ import annotations

from typing import Any

from headrace_status.api import graph, lists
from headrace_status.api.context import Context
from headrace_status.api.graph import Shapes
from headrace_status.api.listings import CLOSED
from headrace_status.api.pool import Row

# A fan-out of thousands waits for all of them; a few tell what for, and the list of tasks has them all.
SHOWN_WAITS = 20
# A workflow publishes under few names; the view has them all.
SHOWN_NAMES = 200
PROPERTIES: dict[str, Any] = {
    "waiting_for": {
        "type": "array",
        "description": f"Steps that have not ended, the first {SHOWN_WAITS}: kind, name, index, step, status, target "
        "(another workflow), since, due_at, reason. A signal is among them where it has a deadline, or where nothing "
        "else is waited for.",
        "items": {"type": "object"},
    },
    "published": {
        "type": "object",
        "description": "What the workflow published last, by name: data (a mark where it is large), at.",
        "additionalProperties": {"type": "object"},
    },
}
_WAITS = f"""
SELECT kind, name, index, step, status, COALESCE(target, child_id) AS target,
       COALESCE(started_at, scheduled_at) AS since, retry_at AS due_at, reason
FROM tasks WHERE workflow_id = %s AND run_id = %s
  AND status IN ('WAITING', 'SCHEDULED', 'UNSERVED', 'RUNNING') ORDER BY step LIMIT {SHOWN_WAITS}
"""
_NODES = """
SELECT name, bool_or(ended) AS ended, bool_and(over) AS over FROM (
  SELECT name, true AS ended, true AS over FROM nodes WHERE workflow_id = %s AND run_id = %s
  UNION ALL
  SELECT name, false, bool_and(status NOT IN ('WAITING', 'SCHEDULED', 'UNSERVED', 'RUNNING')) FROM tasks
  WHERE workflow_id = %s AND run_id = %s GROUP BY name
) AS seen GROUP BY name
"""
_PUBLISHED = f"""
SELECT name, data, data_bytes, at FROM published WHERE workflow_id = %s AND first_run_id = %s
ORDER BY at DESC, name LIMIT {SHOWN_NAMES}
"""
# Every decision runs a workflow until it waits for something, and a signal is the one thing that is no step.
_A_SIGNAL: Row = {
    "kind": "signal",
    **dict.fromkeys(("name", "index", "step", "status", "target", "since", "due_at")),
    "reason": "waits for a signal, since no step is open",
}


def _is_deadline(wait: Row, of: str) -> bool:
    """Tell whether a timer of a Python workflow is the deadline of something else; one that just sleeps is `sleep`."""
    return (wait["kind"], wait["name"]) == ("timer", of)


def _named(wait: Row) -> Row:
    """Return a wait as what it is: of a signal or a predicate there is but the timer of its deadline."""
    if _is_deadline(wait, "receive"):
        return {**wait, "name": None, "kind": "signal", "reason": "waits for a signal"}
    if _is_deadline(wait, "wait_for"):
        return {**wait, "name": None, "kind": "predicate", "reason": "waits until a predicate holds"}
    return wait


def _with_signals(waits: list[Row], shapes: Shapes, nodes: list[Row]) -> list[Row]:
    """Return the waits of a graph with the signals among them: of one there is but the timer of its deadline, or
    nothing. `nodes` say which are over, and which have said so themselves.
    """
    ended = {row["name"] for row in nodes if row["ended"]}
    # A node that stands for several steps is over when it says so.
    plain = {name for name, shape in shapes.items() if not shape["foreach"] and "signal" not in shape}
    over = ended | {row["name"] for row in nodes if row["over"] and row["name"] in plain}
    signals = graph.awaited_signals(shapes, over, ended)
    found = [wait for wait in waits if wait["name"] not in signals]
    deadlines = {wait["name"]: wait for wait in waits if wait["kind"] == "timer"}
    for name, signal in signals.items():
        wait = deadlines.get(name) or {**_A_SIGNAL, "name": name}
        found.append({**wait, "kind": "signal", "reason": f"waits for signal {signal}"})
    return found


async def shown(here: Context, workflow: Row, shapes: Shapes) -> dict[str, Any]:
    """Return `waiting_for` and `published` of a workflow; `shapes` are the nodes of a graph."""
    pool = here.pool
    waits: list[Row] = []
    if workflow["status"] not in CLOSED:
        run = [workflow["id"], workflow["run_id"] or ""]
        waits = await pool.rows(_WAITS, run)
        if any("signal" in shape for shape in shapes.values()):
            waits = _with_signals(waits, shapes, await pool.rows(_NODES, [*run, *run]))
        if workflow["program"] == "python":
            waits = [_named(wait) for wait in waits if not _is_deadline(wait, "attach")]
        if not waits and workflow["status"] == "RUNNING":
            waits = [_A_SIGNAL]
    found = await pool.rows(_PUBLISHED, [workflow["id"], workflow["first_run_id"] or ""])
    rows = [lists.shorten(row, here.limits.list_payload_bytes) for row in found]
    return {
        "waiting_for": waits,
        "published": {row["name"]: {"data": row["data"], "at": row["at"]} for row in rows},
    }
