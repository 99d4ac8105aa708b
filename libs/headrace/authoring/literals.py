"""Constants that can be written out as Python literals."""

from __future__ import annotations

import math
from typing import Any

_ATOMS = (type(None), bool, int, str, bytes)
# A constant travels in a definition: what is larger is data, and comes in as input.
MAX_CHARACTERS = 100_000
_MAX_DEPTH = 50


def literal_of(value: Any) -> str | None:
    """Return the text of a constant, the same for equal constants; None when it is not made of plain values alone."""
    text = repr(value) if _is_plain(value, 0) else None
    return text if text is not None and len(text) <= MAX_CHARACTERS else None


def _is_plain(value: Any, depth: int) -> bool:
    if type(value) in _ATOMS:
        return True
    if depth > _MAX_DEPTH:
        return False
    if type(value) is float:
        return math.isfinite(value)
    if type(value) in (list, tuple):
        return all(_is_plain(item, depth + 1) for item in value)
    if type(value) is dict:
        return all(_is_plain(key, depth + 1) and _is_plain(item, depth + 1) for key, item in value.items())
    return False
