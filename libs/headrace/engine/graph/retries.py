"""Retry rules as a document writes them: a list of pauses, or a growing interval.

{schedule: [5m, 10m]} means: try again after five minutes, then after ten more. {max_attempts: 4, interval: 1s,
backoff: 2.0, max_interval: 1m, jitter: 0.1} means: at most four attempts, pauses of one second, two, four. Both take
`on` and `off`: the names of the errors to try again after, and of those not to.
"""

from __future__ import annotations

import difflib
import math
from typing import Any

from headrace.contracts.retry import RetryPolicy
from headrace.engine.graph.durations import describe, parse_duration

FIELDS = ("schedule", "max_attempts", "interval", "backoff", "max_interval", "jitter", "on", "off")
_GROWING = ("max_attempts", "interval", "backoff", "max_interval", "jitter")
# More attempts than anybody waits for; a task that must be tried for ever belongs into a loop that somebody watches.
MAX_ATTEMPTS = 1_000
MAX_BACKOFF = 100.0


def parse_retry(value: Any) -> RetryPolicy:
    """Return the policy of a `retry` field.

    Raises:
        ValueError: "Expected ..., but ...".
    """
    if not isinstance(value, dict):
        raise ValueError(f"Expected {{schedule: [...]}} or {{max_attempts: ...}}, but found {describe(value)}")  # noqa: TRY004
    for name in value:
        if name not in FIELDS:
            near = difflib.get_close_matches(str(name), FIELDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"Expected one of {', '.join(FIELDS)}, but found {name}{hint}")
    names: dict[str, Any] = {field: _names(value[field], field) for field in ("on", "off") if field in value}
    if "schedule" in value:
        mixed = [name for name in _GROWING if name in value]
        if mixed:
            raise ValueError(f"Expected either schedule or {mixed[0]}, but found both")
        pauses = value["schedule"]
        if not isinstance(pauses, list) or not 0 < len(pauses) < MAX_ATTEMPTS:
            raise ValueError(f"Expected a list of durations as schedule, but found {describe(pauses)}")
        schedule = [parse_duration(pause) for pause in pauses]
        return RetryPolicy(max_attempts=len(schedule) + 1, schedule=schedule, **names)
    if "max_attempts" not in value:
        raise ValueError("Expected schedule or max_attempts, but found neither")
    return _growing(value, names)


def _growing(value: dict[str, Any], names: dict[str, Any]) -> RetryPolicy:
    given: dict[str, Any] = {}
    attempts = value["max_attempts"]
    if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= MAX_ATTEMPTS:
        raise ValueError(f"Expected max_attempts from 1 to {MAX_ATTEMPTS}, but found {describe(attempts)}")
    for field in ("interval", "max_interval"):
        if field in value:
            given[f"{field}_ms"] = parse_duration(value[field])
    if "backoff" in value:
        given["backoff"] = _number(value["backoff"], "backoff", 1.0, MAX_BACKOFF)
    if "jitter" in value:
        given["jitter"] = _number(value["jitter"], "jitter", 0.0, 1.0)
    return RetryPolicy(max_attempts=attempts, **given, **names)


def _number(value: Any, field: str, lowest: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"Expected a number as {field}, but found {describe(value)}")
    if not lowest <= value <= highest:
        raise ValueError(f"Expected {field} from {lowest:g} to {highest:g}, but found {value}")
    return float(value)


def _names(value: Any, field: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"Expected a list of error names as {field}, but found {describe(value)}")
    return list(names)
