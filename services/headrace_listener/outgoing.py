"""Records on their way out of the service."""

from __future__ import annotations

import msgspec

from headrace.contracts.headers import Headers

# Names and values of a header, on average; the sizes only bound batches.
_HEADER_BYTES = 40


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One record to be produced.

    `topic` is without the namespace. Its partition is `shard_of(key)`, as for commands, so that all clients of a
    key find the same one; a topic with one partition has all records there.
    """

    topic: str
    key: bytes
    value: bytes | None
    """None is a tombstone."""
    headers: Headers

    @property
    def size_bytes(self) -> int:
        """Return about how many bytes it takes."""
        return len(self.key) + len(self.value or b"") + _HEADER_BYTES * len(self.headers)
