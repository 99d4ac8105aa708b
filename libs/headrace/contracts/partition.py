"""Which shard an id belongs to: murmur2 as Java's Kafka clients compute it.

Source: `org.apache.kafka.common.utils.Utils.murmur2` describes the hash (MurmurHash2, 32 bit, seed 0x9747b28c) and
`DefaultPartitioner` takes its lower 31 bits modulo the partition count. Clients differ in their defaults, so ours
sets the partition itself.
"""

from __future__ import annotations

import struct
from functools import lru_cache

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=256)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def murmur2(data: bytes) -> int:
    """Return the unsigned 32-bit murmur2 hash of some bytes."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for word in _words(length >> 2).unpack_from(data):
        k = (word * _M) & _MASK
        k ^= k >> 24
        k = (k * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=65536)
def shard_of(key: str, shards: int) -> int:
    """Return the shard, from 0 to shards - 1, that a workflow id, queue or resource belongs to."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % shards
