"""How workflows ended that somebody may still ask for: their results, and which commands they had accepted.

They are kept in *parts*, what ended one after the other, and a part goes as a whole: when it is old enough, or when
there is too much. So a checkpoint writes each result once, and forgetting costs a tombstone or two, not one for each.
"""

from __future__ import annotations

import msgspec

from headrace.engine.identity import id_digest
from headrace.engine.kernel.outcomes import Outcome

_PARTS = 8
"""Parts that the limits hold: at most so much of what is remembered goes at once."""


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """How a run ended. `seen` are digests of the commands that it had accepted, one after the other."""

    run_id: str
    status: str
    data: bytes
    content_type: str
    error: str
    cause: str
    seen: bytes = b""

    @property
    def outcome(self) -> Outcome:
        """The end as a step sees it."""
        return Outcome(self.status, self.data, self.content_type, self.error, self.cause)


def ended(run_id: str, outcome: Outcome, seen: bytes) -> Ended:
    """Return what is kept of a run."""
    return Ended(run_id, outcome.status, outcome.data, outcome.content_type, outcome.error, outcome.cause, seen)


class Part(msgspec.Struct, kw_only=True):
    """Ends by the digest of the workflow's id, packed. `unsaved` has those that no checkpoint has written yet."""

    number: int
    first_at: int
    last_at: int = 0
    size_bytes: int = 0
    ends: dict[bytes, bytes] = {}
    unsaved: dict[bytes, bytes] = {}


class Outcomes:
    """Ends of workflows by id: at most `limit` of them, `limit_bytes` together, for `keep_ms`."""

    __slots__ = ("_bytes", "_count", "_keep_ms", "_limit", "_limit_bytes", "parts", "saved")

    def __init__(self, *, keep_ms: int, limit: int, limit_bytes: int) -> None:
        self._keep_ms = keep_ms
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._count = 0
        self._bytes = 0
        self.parts: list[Part] = []
        self.saved: dict[int, list[str]] = {}
        """The keys under which the snapshot holds a part, by its number."""

    def get(self, workflow_id: str) -> Ended | None:
        """Return how the last run under an id ended; None where that is not known any more."""
        digest = id_digest(workflow_id)
        for part in reversed(self.parts):
            packed = part.ends.get(digest)
            if packed is not None:
                return _unpack(packed)
        return None

    def add(self, workflow_id: str, end: Ended, at: int) -> None:
        """Remember an end, and forget the oldest where it is too much. Only the last one under an id counts."""
        part = self._open_part(at)
        digest = id_digest(workflow_id)
        packed = _pack(end)
        before = part.ends.get(digest)
        grown = len(packed) - len(before or b"")
        self._count += before is None
        self._bytes += grown
        part.size_bytes += grown
        part.ends[digest] = part.unsaved[digest] = packed
        part.last_at = max(part.last_at, at)
        self._forget(at)

    def restore(self, part: Part) -> None:
        """Take in a whole part of a snapshot. They must come in the order of their numbers."""
        self.parts.append(part)
        self._count += len(part.ends)
        self._bytes += part.size_bytes

    def _open_part(self, at: int) -> Part:
        newest = self.parts[-1] if self.parts else None
        if (
            newest is not None
            and len(newest.ends) * _PARTS < self._limit
            and newest.size_bytes * _PARTS < self._limit_bytes
            and (at - newest.first_at) * _PARTS < self._keep_ms
        ):
            return newest
        part = Part(number=newest.number + 1 if newest is not None else 0, first_at=at)
        self.parts.append(part)
        return part

    def _forget(self, now_ms: int) -> None:
        while len(self.parts) > 1:
            oldest = self.parts[0]
            too_much = self._count > self._limit or self._bytes > self._limit_bytes
            if not too_much and oldest.last_at >= now_ms - self._keep_ms:
                return
            del self.parts[0]
            self._count -= len(oldest.ends)
            self._bytes -= oldest.size_bytes

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Outcomes):
            return NotImplemented
        return [(part.number, part.ends) for part in self.parts] == [(part.number, part.ends) for part in other.parts]

    __hash__ = None  # type: ignore[assignment]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Ended).decode
