"""One partition in memory: records with offsets, and the transactions that are open or were given up in it."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

from headrace.contracts.headers import Headers
from headrace.shard.ports import Record, TopicPartition

_OFFSET = attrgetter("offset")


class MemoryPartition:
    """Records in order. A transaction's end takes an offset, too, which is never delivered, as in Kafka."""

    __slots__ = ("aborted", "end", "fence", "low", "open", "records")

    def __init__(self) -> None:
        self.low = 0
        self.end = 0
        self.records: list[Record] = []
        self.fence = 0
        """How often a snapshot writer was let in: the last one's number."""
        self.open: dict[int, list[int]] = {}
        """The offsets of the open transaction of a snapshot writer, by its number."""
        self.aborted: set[int] = set()

    def append(self, where: TopicPartition, at: int, key: bytes, value: bytes, headers: Headers) -> int:
        """Append a record; return its offset."""
        offset = self.end
        self.records.append(
            Record(
                topic=where.topic,
                partition=where.partition,
                offset=offset,
                at=at,
                key=key,
                value=value,
                headers=headers,
            )
        )
        self.end = offset + 1
        return offset

    def read(self, offset: int, limit: int, *, committed: bool) -> list[Record]:
        """Return up to `limit` records from an offset on; with `committed`, only those of no transaction or a
        committed one, up to the first transaction that is open.
        """
        first = bisect_left(self.records, offset, key=_OFFSET)
        if not committed:
            return self.records[first : first + limit]
        found: list[Record] = []
        stable = self.stable_end
        for record in self.records[first:]:
            if record.offset >= stable or len(found) >= limit:
                break
            if record.offset not in self.aborted:
                found.append(record)
        return found

    @property
    def stable_end(self) -> int:
        """Return the offset that readers of committed records can reach: where the first open transaction begins."""
        return min((offsets[0] for offsets in self.open.values() if offsets), default=self.end)

    def shorten(self, low: int) -> None:
        """Delete every record below an offset."""
        low = min(low, self.end)
        if low > self.low:
            del self.records[: bisect_left(self.records, low, key=_OFFSET)]
            self.low = low

    def close_transaction(self, number: int, *, commit: bool) -> None:
        """End a writer's transaction."""
        offsets = self.open.pop(number, [])
        if offsets:
            if not commit:
                self.aborted.update(offsets)
            self.end += 1

    def compact(self) -> None:
        """Keep the last committed record of each key, and no tombstones."""
        stable = self.stable_end
        kept = [record for record in self.records if record.offset >= stable or record.offset not in self.aborted]
        last = {record.key: record.offset for record in kept if record.offset < stable}
        self.records = [
            record for record in kept if record.offset >= stable or (last[record.key] == record.offset and record.value)
        ]
