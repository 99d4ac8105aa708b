"""The ids of workflows that have ended, for as long as they are remembered.

A start command may come twice, and an id must not be used twice by mistake. So what a start is compared with outlives
its run: digests of the id, of the command and of the input, the status, and the attempt: 37 bytes.

They are kept in *parts*: what ended in one hour, or less of it where that is much. The newest part is a dict. A part
that is full is sealed: a table sorted by id, and a filter of a few bits per id, so that an id that is in none of the
parts costs a look at a bit or two in each. Parts go as a whole, when they are old enough or when there are too many
ids; from then on `forgotten_before` is the time before which a start may have had a run that nobody remembers.
"""

from __future__ import annotations

import msgspec

from headrace.engine.identity import id_digest

HOUR_MS = 3_600_000
PART_IDS = 16_384
"""Ids in a part: small enough that forgetting one does not forget much, large enough that a start asks few parts."""
_ID = 16
_RECORD = 37
_FILTER_BITS = 16
"""Bits of the filter for each id, of which two are set: one look in seventy is in vain."""

STATUSES = ("SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT")
"""In the order of their numbers in a record: add at the end only."""


class Closed(msgspec.Struct, frozen=True):
    """What is kept of a run that has ended. `command` and `start` are digests (`headrace.engine.identity`)."""

    status: str
    attempt: int
    command: bytes
    start: bytes


class Part(msgspec.Struct, kw_only=True):
    """Ids that ended one after the other. `table` and `bits` are empty until it is sealed, `fresh` is afterwards."""

    number: int
    hour: int
    last_at: int
    fresh: dict[bytes, bytes] = {}
    table: bytes = b""
    bits: bytes = b""

    @property
    def sealed(self) -> bool:
        """Tell whether nothing is added any more."""
        return bool(self.table)

    def __len__(self) -> int:
        return len(self.fresh) or len(self.table) // _RECORD

    def get(self, digest: bytes) -> bytes | None:
        """Return the record of an id."""
        if not self.table:
            return self.fresh.get(digest)
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.table[middle * _RECORD : middle * _RECORD + _ID] < digest:
                low = middle + 1
            else:
                high = middle
        found = self.table[low * _RECORD : (low + 1) * _RECORD]
        return found if found[:_ID] == digest else None

    def seal(self) -> None:
        """Make the table and its filter."""
        size = _FILTER_BITS * len(self.fresh)
        bits = bytearray(size // 8)
        for digest in self.fresh:
            for number in (int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")):
                bit = number % size
                bits[bit >> 3] |= 1 << (bit & 7)
        self.table = b"".join(self.fresh[digest] for digest in sorted(self.fresh))
        self.bits = bytes(bits)
        self.fresh = {}

    def take(self, records: bytes) -> None:
        """Add records to a part that is not sealed."""
        for at in range(0, len(records), _RECORD):
            self.fresh[records[at : at + _ID]] = records[at : at + _RECORD]


class ClosedIds:
    """Ended workflows by id, remembered for `keep_ms`, and at most `limit` of them."""

    __slots__ = (
        "_count",
        "_filters",
        "_keep_ms",
        "_limit",
        "_part_ids",
        "forgotten_before",
        "parts",
        "saved",
        "unsaved",
    )

    def __init__(self, *, keep_ms: int, limit: int) -> None:
        self._keep_ms = keep_ms
        self._limit = limit
        # With a small limit, parts are small too: at most an eighth of what is remembered goes at once.
        self._part_ids = max(1, min(PART_IDS, limit // 8))
        self._count = 0
        self._filters: list[tuple[bytes, int, Part]] = []
        self.parts: list[Part] = []
        self.forgotten_before = 0
        """A start whose command was logged before this time (ms since the epoch) may have had a run."""
        self.unsaved: dict[bytes, bytes] = {}
        """Records of the newest part that no checkpoint has written yet."""
        self.saved: dict[int, list[str]] = {}
        """The keys under which the snapshot holds a part, by its number."""

    def get(self, workflow_id: str) -> Closed | None:
        """Return what is remembered of the last run that ended under an id."""
        if not self.parts:
            return None
        digest = id_digest(workflow_id)
        record = self.parts[-1].get(digest)
        if record is not None:
            return _closed(record)
        number = int.from_bytes(digest[:4], "big")
        # This loop runs for every start: a new id looks at one bit of most parts.
        for bits, size, part in self._filters:
            bit = number % size
            if bits[bit >> 3] >> (bit & 7) & 1:
                bit = int.from_bytes(digest[4:8], "big") % size
                record = part.get(digest) if bits[bit >> 3] >> (bit & 7) & 1 else None
                if record is not None:
                    return _closed(record)
        return None

    def add(self, workflow_id: str, closed: Closed, at: int) -> None:
        """Remember a run that ended. Only the last one under an id counts."""
        part = self._open_part(at)
        digest = id_digest(workflow_id)
        before = len(part.fresh)
        part.fresh[digest] = self.unsaved[digest] = digest + _record(closed)
        self._count += len(part.fresh) - before
        part.last_at = max(part.last_at, at)

    def restore(self, part: Part) -> None:
        """Take in a part of a snapshot. They must come in the order of their numbers."""
        self.parts.append(part)
        self._count += len(part)
        self._note_filters()

    def _open_part(self, at: int) -> Part:
        """Return the part that takes what ends now; when it is a new one, look what has to go."""
        newest = self.parts[-1] if self.parts else None
        if newest is not None and newest.hour == at // HOUR_MS and len(newest.fresh) < self._part_ids:
            return newest
        if newest is not None:
            newest.seal()
            self.unsaved = {}
        self._forget(at)
        part = Part(number=newest.number + 1 if newest is not None else 0, hour=at // HOUR_MS, last_at=at)
        self.parts.append(part)
        self._note_filters()
        return part

    def _note_filters(self) -> None:
        """List the filters of all parts but the newest, the newer ones first."""
        self._filters = [(part.bits, 8 * len(part.bits), part) for part in reversed(self.parts[:-1])]

    def _forget(self, now_ms: int) -> None:
        gone = 0
        for part in self.parts:
            left = self._count - len(part)
            if part.last_at >= now_ms - self._keep_ms and self._count + self._part_ids <= self._limit:
                break
            gone += 1
            self._count = left
            self.forgotten_before = max(self.forgotten_before, part.last_at + 1)
        del self.parts[:gone]

    def __contains__(self, workflow_id: object) -> bool:
        return isinstance(workflow_id, str) and self.get(workflow_id) is not None

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClosedIds):
            return NotImplemented
        return self.parts == other.parts and self.forgotten_before == other.forgotten_before

    __hash__ = None  # type: ignore[assignment]


def _record(closed: Closed) -> bytes:
    return b"%c%b%b%b" % (
        STATUSES.index(closed.status),
        closed.attempt.to_bytes(4, "big"),
        closed.command,
        closed.start,
    )


def _closed(record: bytes) -> Closed:
    return Closed(
        status=STATUSES[record[_ID]],
        attempt=int.from_bytes(record[_ID + 1 : _ID + 5], "big"),
        command=record[_ID + 5 : _ID + 13],
        start=record[_ID + 13 : _ID + 21],
    )
