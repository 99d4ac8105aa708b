"""Record headers of journals: what a reader needs to accept or skip a record without decoding it.

`pos` is the writer's epoch and n as two big-endian longs (an `EpochStarted` has epoch -1, since its own offset is its
epoch, and n 0). `to` names the addressees, separated by commas: `d3` decision shard 3, `x0` dispatcher shard 0, `r0`
resource shard 0, `w:NAME` a worker. Readers that want everything ignore it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

Headers = list[tuple[str, bytes]]

POSITION = "pos"
ADDRESSEES = "to"
TRACEPARENT = "traceparent"
EPOCH_STARTED = -1
_PAIR = struct.Struct(">qq")


def journal_headers(epoch: int, n: int, addressees: Iterable[str] = ()) -> Headers:
    """Return the headers of a journal record."""
    headers: Headers = [(POSITION, _PAIR.pack(epoch, n))]
    to = ",".join(addressees)
    if to:
        headers.append((ADDRESSEES, to.encode()))
    return headers


def journal_position(headers: Headers | None) -> tuple[int, int] | None:
    """Return (epoch, n) of a journal record; None for a record that no shard wrote."""
    for name, value in headers or ():
        if name == POSITION and len(value) == _PAIR.size:
            epoch, n = _PAIR.unpack(value)
            return epoch, n
    return None


def addressees(headers: Headers | None) -> frozenset[str]:
    """Return whom a journal record is addressed to."""
    for name, value in headers or ():
        if name == ADDRESSEES:
            return frozenset(value.decode().split(","))
    return frozenset()


def traceparent(headers: Headers | None) -> str:
    """Return the W3C traceparent of a record; empty where there is none."""
    for name, value in headers or ():
        if name == TRACEPARENT:
            return value.decode("ascii", "replace")
    return ""
