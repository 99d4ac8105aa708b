"""How two inputs are told apart once only a trace of the first is kept."""

from __future__ import annotations

from hashlib import blake2b


def input_digest(data: bytes) -> bytes:
    """Return 16 bytes that stand for an input."""
    return blake2b(data, digest_size=16).digest()
