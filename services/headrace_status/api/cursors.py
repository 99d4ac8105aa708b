"""Cursors: where a list goes on, as an opaque text. They hold the sort key of the last item, so pages stay right while
rows are added.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from headrace_status.api.problems import bad_request


def encode(listing: str, key: list[Any]) -> str:
    """Return the cursor behind an item of a list."""
    return base64.urlsafe_b64encode(msgspec.json.encode([listing, *key])).decode().rstrip("=")


def decode(listing: str, cursor: str, kinds: list[type]) -> list[Any]:
    """Return the sort key that a cursor of this list holds.

    Raises:
        Problem: it is no cursor of this list.
    """
    try:
        name, *key = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=list[Any])
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        raise bad_request(f"Expected a next_cursor of this list, but found {cursor!r}") from None
    if (
        name != listing
        or len(key) != len(kinds)
        or not all(isinstance(value, kind) for value, kind in zip(key, kinds, strict=True))
    ):
        raise bad_request("Expected a next_cursor of this list, but the cursor belongs to another one")
    return key
