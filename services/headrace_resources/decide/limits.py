"""Bounds of one decision."""

# An event takes some 200 bytes, so a round stays below a quarter of the largest journal record (4 MiB), and below what
# would keep the shard from its other inputs for more than some 20 ms.
EVENTS_PER_ROUND = 2_000
# A resource is never forgotten, since its tokens must go on growing: some 300 bytes each. Names that are made up for
# each workflow would fill the memory for ever.
RESOURCES_PER_SHARD = 100_000
# A declaration that was published before the request is read within milliseconds; this is for a busy machine.
DECLARATION_WAIT_MS = 5_000
