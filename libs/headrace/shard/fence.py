"""Rule 2, looking: which reign a journal has seen last. Shared by the writer and by readers without a position."""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.headers import EPOCH_STARTED, journal_headers, journal_position
from headrace.contracts.journal import EpochStarted
from headrace.shard.environment import Environment
from headrace.shard.errors import ShardDeclined
from headrace.shard.ports import LookUps, PositionLost, TopicPartition


class LastReign(msgspec.Struct, frozen=True, kw_only=True):
    """The reign that the last record of a journal belongs to. `idle` when it has recorded nothing."""

    epoch: int
    started: EpochStarted
    idle: bool


def look_back(log: LookUps, journal: TopicPartition, codec: Codec) -> LastReign | None:
    """Return the reign of the last record; None for a journal that is empty.

    The header of any record names its epoch, which is the offset of its `EpochStarted`. Where the last record is a
    zombie's, this is an older reign than the last: harmless, since whoever starts there reads everything after it by
    the reader's rule.
    """
    low, end = log.bounds([journal])[journal]
    for offset in range(end - 1, low - 1, -1):
        last = log.record_at(journal, offset)
        header = journal_position(last.headers) if last is not None else None
        if header is None:
            continue  # no shard wrote it
        epoch = offset if header[0] == EPOCH_STARTED else header[0]
        if epoch < low:
            continue  # a zombie's, of a reign that was deleted: the one that counts is never
        first = log.record_at(journal, epoch)
        started = codec.decode(first.value) if first is not None and first.offset == epoch else None
        if not isinstance(started, EpochStarted):
            raise PositionLost(
                f"Expected the EpochStarted of the last record of {journal} at offset {epoch}, but "
                f"{'nothing is' if first is None else 'another record is'} there; the journal was shortened too far or "
                "damaged"
            )
        return LastReign(epoch=epoch, started=started, idle=header[0] == EPOCH_STARTED)
    if low > 0:
        raise PositionLost(
            f"Expected the EpochStarted of a reign in {journal}, but what is left of it, offsets {low} to {end - 1}, "
            "belongs to reigns that began before; the journal was shortened too far"
        )
    return None


def announce(env: Environment, last: LastReign | None) -> tuple[EpochStarted, bytes, list[tuple[str, bytes]]]:
    """Return our own `EpochStarted` with its value and headers.

    Raises:
        ShardDeclined: newer code has run the shard; nothing has been written.
    """
    if last is not None and last.started.code_version > env.decider.code_version:
        raise outdated(env, last.started.code_version, last.started.process)
    started = EpochStarted(
        code_version=env.decider.code_version,
        process=env.process,
        host=env.host,
        idle_reigns=last.started.idle_reigns + 1 if last is not None and last.idle else 1,
        at=env.clock.now_ms(),
    )
    return started, env.codec.encode(started), journal_headers(EPOCH_STARTED, 0)


def outdated(env: Environment, code_version: int, process: str) -> ShardDeclined:
    """Return the error for a shard that newer code has run."""
    return ShardDeclined(
        f"Expected to run shard {env.name} with code version {code_version} or later, since process {process} has "
        f"run it with that, but this process has version {env.decider.code_version}; start the newer release"
    )
