"""Avro's numbers: zigzag, then seven bits a byte, low bits first, the top bit of each byte but the last set.

Most numbers of ours are small (steps, attempts, lengths) and come from a table. Times and offsets are large, but their
high bits hardly ever change: those are looked up too, so that a time costs two look-ups and not six rounds of a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_LOW_BITS: Final = 14
_LOW: Final = (1 << _LOW_BITS) - 1
_LIMIT: Final = 1 << 63
# Ten bytes of seven bits are the most that 64 bits can take.
_LONGEST: Final = 10
_TABLE: Final = 1 << 13
_TWO_PARTS: Final = 1 << 27
# High bits seen: each stands for 8 s of times, or 8,192 offsets of one partition.
_HIGH_SEEN: Final = 1024
# A few seconds of times.
_TIMES_SEEN: Final = 4096
_TIME_BYTES: Final = 6


def _plain(zigzag: int) -> bytes:
    out = bytearray()
    while zigzag & ~0x7F:
        out.append((zigzag & 0x7F) | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


_high_bytes = lru_cache(maxsize=_HIGH_SEEN)(_plain)


class _Numbers(dict[int, bytes]):
    """The bytes of every number. `NUMBERS[n]` raises `OverflowError` for what no 64 bits hold."""

    def __missing__(self, value: int) -> bytes:
        zigzag = value << 1 if value >= 0 else ~(value << 1)
        if zigzag >> _LOW_BITS <= _LOW:
            return _LOW_BYTES[zigzag & _LOW] + _PLAIN_BYTES[zigzag >> _LOW_BITS]
        if zigzag >= 2 * _LIMIT:
            raise OverflowError(f"Expected a number of 64 bits, but found {value}")
        return _LOW_BYTES[zigzag & _LOW] + _high_bytes(zigzag >> _LOW_BITS)


_LOW_BYTES: Final = [bytes((low & 0x7F | 0x80, low >> 7 | 0x80)) for low in range(_LOW + 1)]
"""The first two bytes of every longer number."""
_PLAIN_BYTES: Final = [_plain(zigzag) for zigzag in range(_LOW + 1)]
"""The bytes of every shorter one; also the rest of one of 28 bits."""
NUMBERS: Final = _Numbers({n: _plain((n << 1) ^ (n >> 63)) for n in range(-_TABLE, _TABLE)})
SMALL: Final = [(zigzag >> 1) ^ -(zigzag & 1) for zigzag in range(128)]
"""The number that a single byte below 128 stands for."""
_high_seen: dict[bytes, int] = {}
times_seen: Final[dict[bytes, int]] = {}
"""Times by their six bytes, as `time_at` has read them. Most records of a millisecond tell the same few."""


class _Times(dict[int, bytes]):
    """The bytes of every time, kept for a while: most messages of a millisecond tell the same few."""

    def __missing__(self, value: int) -> bytes:
        if len(self) >= _TIMES_SEEN:
            self.clear()
        encoded = self[value] = NUMBERS[value]
        return encoded


TIMES: Final = _Times()


def long_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it.

    Raises:
        IndexError: the data ends within it.
        ValueError: it has more than 64 bits.
    """
    first = data[at]
    if first < 0x80:
        return SMALL[first], at + 1
    second = data[at + 1]
    if second < 0x80:
        zigzag = first & 0x7F | second << 7
        return (zigzag >> 1) ^ -(zigzag & 1), at + 2
    third = data[at + 2]
    if third < 0x80:
        zigzag = first & 0x7F | (second & 0x7F) << 7 | third << 14
        return (zigzag >> 1) ^ -(zigzag & 1), at + 3
    rest = data[at + 2 : at + 6]
    high = _high_seen.get(rest)
    if high is None:
        return _unseen(data, at)
    zigzag = high | (second & 0x7F) << 7 | first & 0x7F
    return (zigzag >> 1) ^ -(zigzag & 1), at + 6


def time_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it; remember it where it is a time of our days.

    Raises:
        IndexError: the data ends within it.
        ValueError: it has more than 64 bits.
    """
    value, end = long_at(data, at)
    if end - at == _TIME_BYTES:
        if len(times_seen) >= _TIMES_SEEN:
            times_seen.clear()
        times_seen[data[at:end]] = value
    return value, end


def longs_at(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Return the numbers of an array's block, and the position after them.

    Raises:
        IndexError: the data ends within them, or with the last one.
        ValueError: one has more than 64 bits.
    """
    found = []
    for _ in range(count):
        first = data[at]
        if first < 0x80:
            found.append(SMALL[first])
            at += 1
            continue
        second, third = data[at + 1], data[at + 2]  # a number that ends before them is followed by the array's end
        if second >= 0x80 and third < 0x80:  # three bytes, like most assignments
            zigzag = first & 0x7F | (second & 0x7F) << 7 | third << 14
            found.append(-(zigzag >> 1) - 1 if zigzag & 1 else zigzag >> 1)
            at += 3
        else:
            number, at = long_at(data, at)
            found.append(number)
    return found, at


def longs(numbers: Sequence[int]) -> bytes:
    """Return the bytes of some numbers."""
    return b"".join(
        [
            _LOW_BYTES[number << 1 & _LOW] + _PLAIN_BYTES[number >> 13]
            if _TABLE <= number < _TWO_PARTS
            else NUMBERS[number]
            for number in numbers
        ]
    )


def size_at(data: bytes, at: int) -> tuple[int, int]:
    """Return where text or bytes at a position begin and end; the end may lie beyond that of the data.

    Raises:
        IndexError: the data ends within the length.
        ValueError: the length is negative or has more than 64 bits.
    """
    size, start = long_at(data, at)
    if size < 0:
        raise ValueError(f"Expected a length, but found {size}")
    return start, start + size


def _unseen(data: bytes, at: int) -> tuple[int, int]:
    zigzag = 0
    for count in range(_LONGEST):
        byte = data[at + count]
        zigzag |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            break
    else:
        raise ValueError(f"Expected a number of at most {_LONGEST} bytes, but found a longer one")
    if zigzag >= 2 * _LIMIT:
        raise ValueError("Expected a number of 64 bits, but found a larger one")
    if count + 1 == _TIME_BYTES:  # two low bytes and four high ones: a time of our days
        if len(_high_seen) >= _HIGH_SEEN:
            _high_seen.clear()
        _high_seen[data[at + 2 : at + 6]] = zigzag & ~_LOW
    return (zigzag >> 1) ^ -(zigzag & 1), at + count + 1
