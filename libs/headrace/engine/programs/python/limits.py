"""What a Python workflow may note at most, and when a loop's record is made small."""

from __future__ import annotations

import msgspec


class PythonLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of Python workflows, in bytes and counts; each is a setting of the decision service."""

    payload_bytes: int = 1_048_576
    search_bytes: int = 16_384
    search_names: int = 64
    loop_steps: int = 200
    """A loop goes on with a small record once its iterations have recorded so many steps."""


def check_size(what: str, size: int, limit: int) -> None:
    """Refuse what is too large. Raises `ValueError`."""
    if size > limit:
        raise ValueError(f"Expected {what} of at most {limit} bytes, but it has {size}; pass a reference instead")
