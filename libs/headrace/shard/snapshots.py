"""Rule 7, the format: how a state stands in a snapshot topic. Pure.

The topic is compacted: the last committed value of a key counts. Each shard has one partition, which only it writes.

    c               the checkpoint: a `Checkpoint` message (the fence, the positions, the marks)
    e KEY           an entry of the decider: how many chunks it has (four bytes, big-endian), and the first of them
    e KEY NUL i     its chunk i, from 1 on

A checkpoint writes what has changed since the last one, in one transaction with its `c`. So the entries of all
committed checkpoints together, the last of each key, are the state at the fence of the last. An entry that shrinks or
goes leaves tombstones for the chunks that it no longer has.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, MutableMapping

CHECKPOINT_KEY = b"c"
_ENTRY = b"e"
_NUL = b"\0"
_COUNT = struct.Struct(">I")
_ONE = _COUNT.pack(1)
KEY_LIMIT_BYTES = 250


def to_records(
    changes: Iterable[tuple[str, bytes | None]], chunks: MutableMapping[str, int], chunk_bytes: int
) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the records that say what has changed: key and value, None to delete the key.

    `chunks` holds how many chunks an entry has, for those with more than one; it is brought up to date.
    """
    for name, value in changes:
        key = entry_key(name)
        if value is not None and len(value) <= chunk_bytes and name not in chunks:
            yield key, _ONE + value  # nearly all of them, while the shard stands still
            continue
        before = chunks.pop(name, 1)
        if value is None:
            count = 0
            yield key, None
        else:
            count = max(-(-len(value) // chunk_bytes), 1)
            if count > 1:
                chunks[name] = count
            yield key, _COUNT.pack(count) + value[:chunk_bytes]
            for number in range(1, count):
                yield _chunk_key(key, number), value[number * chunk_bytes : (number + 1) * chunk_bytes]
        for number in range(max(count, 1), before):
            yield _chunk_key(key, number), None


class Assembler:
    """Puts entries together again from the records of a snapshot topic, given in their order."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes) -> None:
        """Take a record; an empty value is a tombstone."""
        if value:
            self._values[key] = value
        else:
            self._values.pop(key, None)

    @property
    def checkpoint(self) -> bytes | None:
        """Return the last checkpoint, as it was written; None where there is none."""
        return self._values.get(CHECKPOINT_KEY)

    def entries(self, chunks: MutableMapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Yield the entries in the order of their keys; note in `chunks` those that have more than one.

        Raises:
            ValueError: a chunk is missing, or a key is none of ours.
        """
        for key in sorted(key for key in self._values if _NUL not in key and key != CHECKPOINT_KEY):
            if key[:1] != _ENTRY:
                raise ValueError(f"Expected a key of a snapshot, but found {key!r}")
            name = key[1:].decode()
            first = self._values[key]
            (count,) = _COUNT.unpack_from(first)
            if count == 1:
                yield name, first[_COUNT.size :]
                continue
            chunks[name] = count
            rest = [self._values.get(_chunk_key(key, number)) for number in range(1, count)]
            found = [chunk for chunk in rest if chunk is not None]
            if len(found) < count - 1:
                raise ValueError(f"Expected {count} chunks of entry {name!r}, but found {len(found) + 1}")
            yield name, b"".join([first[_COUNT.size :], *found])


def entry_key(name: str) -> bytes:
    """Return the key of an entry's first record."""
    key = _ENTRY + name.encode()
    if _NUL in key or len(key) > KEY_LIMIT_BYTES + 1:
        raise AssertionError(
            f"Expected a key without NUL of at most {KEY_LIMIT_BYTES} bytes, but a decider yielded {name!r}"
        )
    return key


def _chunk_key(key: bytes, number: int) -> bytes:
    return key + _NUL + str(number).encode()
