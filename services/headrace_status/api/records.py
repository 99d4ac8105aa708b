"""The payloads of a history's events: short, for people who read a list, or whole, for a replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace_status.api.pool import Pool, Row

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CUT = b'{"$truncated":'
_OUTPUTS = """
SELECT t.run_id, t.step, t.attempt, t.output FROM tasks t
JOIN unnest(%s::text[], %s::int[], %s::int[]) AS w (run_id, step, attempt)
  ON t.run_id = w.run_id AND t.step = w.step AND t.attempt = w.attempt
WHERE t.workflow_id = %s
"""


def short(detail: Any, limit: int) -> Any:
    """Return an event's fields with those replaced by a mark that take more than `limit` bytes."""
    if not isinstance(detail, msgspec.Raw) or len(bytes(detail)) <= limit:
        return detail
    return {
        name: {"$truncated": True, "bytes": len(bytes(value))} if len(bytes(value)) > limit else value
        for name, value in _fields.decode(detail).items()
    }


async def whole(pool: Pool, workflow_id: str, rows: Sequence[Row]) -> list[Any]:
    """Return the fields of each event, with the outputs of tasks as the tasks' rows have them."""
    details = [_decoded(row["detail"]) for row in rows]
    cut = [at for at, (row, detail) in enumerate(zip(rows, details, strict=True)) if _is_cut(row, detail)]
    if cut:
        wanted = [[rows[at][column] for at in cut] for column in ("run_id", "step", "attempt")]
        found = {
            (row["run_id"], row["step"], row["attempt"]): row["output"]
            for row in await pool.rows(_OUTPUTS, [*wanted, workflow_id])
        }
        for at in cut:
            row = rows[at]
            output = found.get((row["run_id"], row["step"], row["attempt"]))
            details[at] = details[at] if output is None else {**details[at], "output": output}
    return details


def _decoded(detail: Any) -> Any:
    return _fields.decode(detail) if isinstance(detail, msgspec.Raw) else detail


def _is_cut(row: Row, detail: Any) -> bool:
    if row["type"] != "TaskSucceeded" or not isinstance(detail, dict):
        return False
    output = detail.get("output")
    return isinstance(output, msgspec.Raw) and bytes(output).replace(b" ", b"").startswith(_CUT)
