"""The limits of the shard runtime, each with its reason."""

from __future__ import annotations

import msgspec

from headrace.runtime.settings import Settings

_SET = (
    "record_limit_bytes",
    "checkpoint_ms",
    "checkpoint_events",
    "checkpoint_bytes",
    "snapshot_chunk_bytes",
    "snapshot_load_ms",
    "journal_keep_ms",
    "delete_every_ms",
)
"""The limits that are settings; the others are nobody's business but the code's."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard may do at most. Times in ms, sizes in bytes."""

    record_limit_bytes: int = 4_194_304
    """Largest journal record.

    A record is sealed at half of it, so that one more decision of bounded size still fits.
    """
    record_inputs: int = 256
    """Inputs decided into one record.

    Enough to share the cost of an append, few enough that the first does not wait long.
    """
    in_flight_records: int = 4
    """Appends that wait for their acknowledgement: what a broken reign decides in vain at most.

    While they do, inputs gather and share the next record, so that batches follow the load. A fifth would fill the
    requests that an idempotent producer may have in flight, which librdkafka's thread then spins on.
    """
    inbox_records: int = 4_000
    """Records that were read and wait to be decided; beyond that nothing is read."""
    checkpoint_ms: int = 30_000
    """How often a shard makes a checkpoint at least, idle or not: others delete only what its checkpoints have passed.

    The first comes at a random time within it.
    """
    checkpoint_events: int = 20_000
    """Events after which a checkpoint is made before its time: what is packed while the shard stands still.

    Also what a recovery replays at most; some tens of milliseconds, and half a second.
    """
    checkpoint_bytes: int = 33_554_432
    """The same, by the bytes of the journal: large payloads take long to read again."""
    snapshot_chunk_bytes: int = 524_288
    """Larger entries of a snapshot are cut: well below what a topic and a fetch take."""
    unfit_events: int = 1_000
    """Events that could not be folded that a process remembers: each has ended a reign, so more is a broken release."""
    snapshot_load_ms: int = 600_000
    """A snapshot that takes longer to load is loaded anew: the tombstones of its topic live for an hour."""
    delete_every_ms: int = 10_000
    """Pause between two deletions: each is a request to every partition that is shortened, and frees whole segments."""
    journal_keep_ms: int = 604_800_000
    """A journal's records are kept for so long, whoever has passed them: outside readers may be away for that time."""
    behind_ms: int = 200
    """A shard that takes nothing for so long is fed by itself: the others of its process go on."""
    poll_records: int = 1_000
    """Records taken from the log at a time: bounds the time for which acknowledgements and timers wait."""
    progress_delay_ms: int = 50
    """A command that changed nothing is recorded as read after this time: so many heartbeats share one record."""
    pause_min_ms: int = 20
    pause_max_ms: int = 400
    """Random pause before a shard that was abandoned is taken again: two owners must not fence each other in step."""
    retry_ms: int = 500
    """Pause before asking again a log or a group that did not answer."""
    clock_tolerance_ms: int = 60_000
    """A clock further from the broker's than this would fire timers wrongly: the process declines."""
    idle_reigns: int = 3
    """Reigns that recorded nothing before inputs are marked one by one.

    Once may be chance, three times are a pattern.
    """
    marks: int = 2
    """Times that an input may be marked and run before it is parked."""
    drain_ms: int = 5_000
    """How long a process that stops waits for acknowledgements: the next owner repeats what was not acknowledged."""
    drain_lost_ms: int = 500
    """The same for shards that the group took away; the process has others to go on with, and Kafka may be away."""
    wait_drain_ms: int = 50
    """Longest wait for one acknowledgement in that time."""
    topic_check_ms: int = 5_000
    """How often the topics' ids are compared with the recorded ones.

    A client does not notice a topic that was made anew.
    """
    watchdog_ms: int = 60_000
    """A loop that stands still for so long hangs for good: every call in it is bounded by a few seconds."""
    wait_max_ms: int = 100
    """Longest wait for input: bounds how late a signal or a change of the group is noticed."""
    wait_recovery_ms: int = 10
    """Longest wait for the journal in a replay: other shards of the process may be at work."""
    wait_in_flight_ms: int = 1
    """Longest wait for input while nothing more can be appended before acknowledgements come."""

    patient_rounds: int = 500
    """Rounds without any news after which the loop waits longer for acknowledgements: about half a second."""

    @property
    def seal_bytes(self) -> int:
        """Return the size from which on a record takes no further input."""
        return self.record_limit_bytes // 2

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that follow from the settings."""
        return cls(**{name: getattr(settings, name) for name in _SET})
