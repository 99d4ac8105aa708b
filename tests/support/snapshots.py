"""A snapshot as the sum of what checkpoints wrote."""

from __future__ import annotations

from collections.abc import Iterable


def merge(entries: dict[str, bytes], changes: Iterable[tuple[str, bytes | None]]) -> int:
    """Take the changes of one checkpoint into a snapshot; return how many bytes were written."""
    written = 0
    seen: set[str] = set()
    for key, value in changes:
        assert key not in seen, f"Expected every key once in a checkpoint, but {key!r} came twice"
        assert 0 < len(key.encode()) <= 250 and "\0" not in key, f"Expected a key that a topic takes, but found {key!r}"
        seen.add(key)
        written += len(key) + len(value or b"")
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
    return written
