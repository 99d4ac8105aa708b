"""Rule 6: what is in flight, and what every acknowledgement must say if nobody else writes."""

from __future__ import annotations

from collections import deque

from headrace.contracts.headers import Headers
from headrace.shard.errors import Abandoned
from headrace.shard.ports import JournalWriter


class Window:
    """The appends of one reign that wait for their acknowledgement."""

    def __init__(self, writer: JournalWriter, *, next_offset: int, limit: int) -> None:
        """Watch a writer; the next record must get `next_offset`."""
        self._writer = writer
        self._next_offset = next_offset
        self._limit = limit
        self._waiting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_offset(self) -> int:
        """Return the offset that the next acknowledgement must say."""
        return self._next_offset

    @property
    def full(self) -> bool:
        """Tell whether nothing may be appended before an acknowledgement comes."""
        return len(self._waiting) >= self._limit

    def append(self, n: int, value: bytes, headers: Headers) -> None:
        """Append the record with number n."""
        self._waiting.append(n)
        self._writer.append(n, value, headers)

    def take_acks(self, wait_ms: int) -> bool:
        """Take in what has become known; False when nothing had.

        Raises:
            Abandoned: a delivery failed, an offset is unknown, or it is not the next one.
        """
        acks = self._writer.poll(wait_ms)
        for ack in acks:
            if ack.error:
                raise Abandoned(f"record {ack.token} was not delivered: {ack.error}")
            if ack.offset < 0:
                raise Abandoned(f"record {ack.token} was acknowledged without an offset")
            if not self._waiting or ack.token != self._waiting[0]:
                raise Abandoned(f"record {ack.token} was acknowledged out of turn")
            if ack.offset != self._next_offset:
                raise Abandoned(
                    f"record {ack.token} was expected at offset {self._next_offset}, but stands at {ack.offset}: "
                    "somebody else wrote, or a record is there twice"
                )
            self._waiting.popleft()
            self._next_offset += 1
        return bool(acks)
