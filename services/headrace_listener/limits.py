"""The limits of the listener service, each with its reason. Times in ms, sizes in bytes."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the service may do at most, and how long it waits."""

    transaction_pause_ms: int = 100
    """From the begin of one relay transaction to that of the next. A transaction costs the broker some ten small
    writes, each with an fsync where that is on; ten transactions a second are no load, and nobody's hot path runs
    over public topics."""
    transaction_events: int = 4_000
    """Events of one transaction: some 100 ms of work, so that an abort repeats little."""
    transaction_bytes: int = 16_777_216
    """Bytes of one transaction: what an abort may hold in memory."""
    transaction_timeout_ms: int = 60_000
    """The broker gives up a transaction of a relay that died after this; read-committed consumers wait for it until
    then."""
    poll_records: int = 500
    """Journal records read at a time."""
    partition_queue: int = 2_000
    partition_queue_bytes: int = 16_777_216
    """Accepted records of one journal partition that may wait for what they followed from; beyond it, it is not
    read on."""
    position_pause_ms: int = 30_000
    """How often positions are written where journals move but nothing of them is public: bounds what a restart
    reads again."""
    idle_wait_ms: int = 500
    """Longest wait for something to do: bounds how late a signal or a change of a group is noticed."""
    retry_pause_ms: int = 1_000
    """Pause before the relay begins again after a failed transaction, and before a failed look-up is repeated."""
    topic_check_ms: int = 30_000
    """How often the journals' topic ids are compared with the recorded ones."""
    batch_records: int = 200
    """Records that a listener or a trigger takes from its topics at a time."""
    commit_pause_ms: int = 500
    """A listener's position is committed this often while events come: what a crash delivers again at most."""
    poll_while_busy_ms: int = 1_000
    """How often a listener takes part in its group while its function runs, so that a slow one is not taken for
    dead."""
    state_pause_ms: int = 2_000
    """How often the state of a listener is written at most: people read it."""
    stop_ms: int = 10_000
    """How long a stopping service waits for calls that are under way."""
    reason_limit_bytes: int = 8_192
    """Longest reason in the headers of a dead letter; a traceback fits, a dump does not."""


DEFAULT_LIMITS = Limits()
