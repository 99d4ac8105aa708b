"""`$now`, `$millis`, `$toMillis`, `$fromMillis`: exact milliseconds, and "now" is the command's time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.engine.expressions.library import DateTimes, JsonataException

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The order in which a picture's missing parts are filled in from "now", down to the first one that it has.
_PARTS = ("Y", "M", "D", "H", "m", "s", "f")
_DAY_OF_YEAR = "d"
_TWELVE_HOURS = "h"
_MARKER = re.compile(r"\[\s*([A-Za-z])")


def iso_time(at_ms: int) -> str:
    """Return a time as `2025-01-31T12:00:00.000Z`.

    Raises:
        JsonataException: the year has not four digits.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        raise JsonataException("D3110", -1, at_ms) from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def format_time(at_ms: float, picture: str | None, timezone: str | None) -> str:
    """Return a time by an XPath picture string; without one, as ISO 8601."""
    if picture is None and timezone is None:
        return iso_time(int(at_ms))
    return str(DateTimes.format_datetime(int(at_ms), picture, timezone))


def parse_time(text: str, picture: str | None, now_ms: int) -> int | None:
    """Return the milliseconds since the epoch that a text names; parts that its picture lacks are those of now."""
    if picture is not None:
        known_picture, known_text = _complete(picture, now_ms)
        result: Any = DateTimes.parse_datetime(known_text + text, known_picture + picture)
        return None if result is None else int(result)
    if re.fullmatch("[0-9]{4}", text):
        return (datetime(int(text), 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise JsonataException("D3110", -1, text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def _complete(picture: str, now_ms: int) -> tuple[str, str]:
    """Return what to put before a picture and a text so that no part is missing before the first that is there."""
    present = set(_MARKER.findall(picture))
    if _DAY_OF_YEAR in present:
        present.update("MD")
    if _TWELVE_HOURS in present:
        present.add("H")
    if not present or present & set("XxWwF"):
        return "", ""
    pictures, texts = "", ""
    now = _EPOCH + timedelta(milliseconds=now_ms)
    values = (now.year, now.month, now.day, now.hour, now.minute, now.second, 0)
    for part, value in zip(_PARTS, values, strict=True):
        if part in present:
            break
        width = 4 if part == "Y" else 2
        pictures += f"[{part}{1:0{width}d}] "
        texts += f"{value:0{width}d} "
    return pictures, texts
