"""Durations in Python code: as text (`5m`, `1h30m`, `500ms`), as a number of seconds, or as a `timedelta`."""

from __future__ import annotations

import math
from datetime import timedelta

from headrace.engine.graph.durations import MAX_MS, parse_duration

Duration = str | int | float | timedelta


def duration_ms(value: Duration, what: str) -> int:
    """Return a duration in milliseconds. `what` says in the text of an error what it is for.

    Raises:
        ValueError: it is negative, not finite, longer than ten years, or text that is no duration.
    """
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    seconds: object = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError(f"{what}: Expected a duration such as 30s or a number of seconds, but found {value!r}")
    if not 0 <= seconds * 1000 <= MAX_MS:
        raise ValueError(f"{what}: Expected 0 seconds to ten years, but found {value!r}")
    return round(seconds * 1000)
