"""Durations as people write them: `500ms`, `30s`, `5m`, `1h`, `1d`, and compounds such as `1h30m`."""

from __future__ import annotations

import re
from typing import Any

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|d|h|m|s)", re.ASCII)
_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|d|h|m|s))+", re.ASCII)
# Ten years: beyond that it is a mistake in the unit.
MAX_MS = 3_653 * 86_400_000
_EXAMPLES = "a duration such as 500ms, 30s, 5m, 1h30m or 1d"


def parse_duration(value: Any) -> int:
    """Return a duration in milliseconds.

    Raises:
        ValueError: "Expected a duration ..., but ...".
    """
    if not isinstance(value, str):
        raise ValueError(f"Expected {_EXAMPLES}, but found {describe(value)}")  # noqa: TRY004
    text = value.strip()
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"Expected {_EXAMPLES}, but found {describe(value)}")
    parts = _PART.findall(text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key=list(_UNITS_MS).index):
        raise ValueError(f"Expected {_EXAMPLES}, each unit once and the largest first, but found {describe(value)}")
    total = round(sum(float(count) * _UNITS_MS[unit] for count, unit in parts))
    if total > MAX_MS:
        raise ValueError(f"Expected a duration of at most {MAX_MS // 86_400_000} days, but found {describe(value)}")
    return total


def describe(value: Any) -> str:
    """Return a value for a message, short and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = " ".join(str(value).split())
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"'{text}'" if isinstance(value, str) else text
