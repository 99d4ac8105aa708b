"""Sets a line of figures beside an earlier one of the same workload and variant. Pure but for reading the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_VARIANT = ("workload", "program", "durability")
_SHOWN = (
    "workflows_per_second",
    "ratio_to_raw",
    "raw_hops_per_second",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "cpu_ms_headrace",
    "cpu_ms_per_workflow",
    "recovery_s",
    "caught_up_s",
    "bytes_per_open_workflow",
    "projection_lag_s",
    "cores_used_by_others",
    "lost",
    "duplicated",
)
Line = Mapping[str, Any]


class NotComparable(Exception):
    """The file does not hold lines of the benchmarks; the text says what it holds."""


def read_lines(path: Path) -> list[Line]:
    """Return the lines of an earlier run. Raises NotComparable."""
    try:
        texts = [text for text in path.read_text(encoding="utf-8").splitlines() if text.startswith("{")]
        found = [json.loads(text) for text in texts]
    except (OSError, ValueError) as error:
        raise NotComparable(f"Expected the output of an earlier run in {path}, but {error}") from error
    if not found or not all("workload" in each for each in found):
        raise NotComparable(f"Expected the output of an earlier run in {path}, but it holds no line of one")
    return found


def comparison(now: Line, earlier: Iterable[Line]) -> str:
    """Return a table of what was and what is; of several earlier lines of the same variant the last one counts."""
    same = [each for each in earlier if all(each.get(name) == now[name] for name in _VARIANT)]
    title = " ".join(str(now[name]) for name in _VARIANT)
    if not same:
        return f"{title}: nothing to compare with"
    before, after = _flat(same[-1]), _flat(now)
    rows = [f"{title:<40} {'earlier':>12} {'now':>12} {'now/earlier':>12}"]
    for name, new in after.items():
        old = before.get(name)
        if old is not None and new is not None:
            ratio = f"{new / old:.2f}" if old else ""
            rows.append(f"  {name:<38} {old:>12g} {new:>12g} {ratio:>12}")
    return "\n".join(rows)


def _flat(line: Line) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in _SHOWN:
        value = line.get(name)
        if isinstance(value, Mapping):
            found |= {f"{name} {key}": each for key, each in value.items()}
        else:
            found[name] = value
    return found
