"""Bounds of one decision."""

# An event takes some 200 bytes, so a round stays below a quarter of the largest journal record (4 MiB), and below what
# would keep the shard from its other inputs for more than some 20 ms.
EVENTS_PER_ROUND = 2_000
