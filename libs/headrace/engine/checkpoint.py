"""The state as entries of a snapshot, and back.

    s                    what waits to go on, and up to when ended ids are forgotten
    r/WORKFLOW           an open run, packed as it is in memory too
    h/WORKFLOW/PART      the beginning of a long record, which does not change any more
    c/PART/PIECE         ids that ended, as they came; replaced when their part is sealed by
    c/PART/sealed        the whole part
    o/PART/PIECE         how workflows ended, as they did
    p/SERIES             a last result
    f/WORKFLOW           a run that failed, for whoever retries it
    b/WORKFLOW           what is held back of a run while a queue is full
    q                    those queues
    t/SCHEDULE, k        schedules, and the commands that they have seen (`headrace.engine.schedules.packing`)

The timers are derived: the beginning of every packed run names them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from headrace.engine import backlog_entries, long_records
from headrace.engine.closed import ClosedIds, Part
from headrace.engine.last_results import LastResult, LastResults, Series
from headrace.engine.outcome_entries import (
    PackedTelling,
    outcome_changes,
    pack_telling,
    restore_outcomes,
    unpack_telling,
)
from headrace.engine.packing import Front
from headrace.engine.retryable import FailedRun, FailedRuns
from headrace.engine.run import STUCK_SINCE
from headrace.engine.schedules.packing import restore_schedules, schedule_changes
from headrace.engine.state import ShardState
from headrace.engine.stuck import stuck_run
from headrace.engine.timers import Timer, TimerHeap
from headrace.shard.entries import Entry, key_part, pack, unknown, unpacker

_SHARD = "s"


class ShardEntry(Entry, array_like=True, kw_only=True):
    """What there is once."""

    pending: list[str]
    forgotten_before: int
    telling: list[PackedTelling] = msgspec.field(default_factory=list)
    rebuilding: list[str] = msgspec.field(default_factory=list)


class PartEntry(Entry, array_like=True, kw_only=True):
    """Ids that ended: some more of a part (`records`), or a sealed one."""

    number: int
    hour: int
    last_at: int
    records: bytes = b""
    table: bytes = b""
    bits: bytes = b""


class ResultEntry(Entry, array_like=True, kw_only=True):
    """The last result of a series."""

    name: str
    key: str
    output: bytes
    at: int
    number: int


class FailedEntry(Entry, array_like=True, kw_only=True):
    """A run that failed, packed as it was when it ended."""

    packed: bytes
    at: int
    number: int


_shard = unpacker(ShardEntry)
_failed = unpacker(FailedEntry)
_part = unpacker(PartEntry)
_result = unpacker(ResultEntry)


def changes(state: ShardState) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time, and forget it."""
    yield from schedule_changes(state.schedules)
    yield from backlog_entries.changes(state.backlogs)
    if not len(state.runs.changed) and not len(state.previous.changed):
        return
    yield (
        _SHARD,
        pack(
            ShardEntry(
                pending=list(state.pending),
                forgotten_before=state.closed.forgotten_before,
                telling=pack_telling(state.telling),
                rebuilding=list(state.rebuilding),
            )
        ),
    )
    yield from long_records.run_changes(state.runs)
    yield from _closed_changes(state.closed)
    yield from outcome_changes(state.outcomes)
    for workflow_id, failed in state.failed.changed.take(lambda workflow_id: _pack_failed(state.failed, workflow_id)):
        yield f"f/{workflow_id}", failed
    for series, value in state.previous.changed.take(lambda series: _pack_result(state.previous, series)):
        yield f"p/{key_part('/'.join(series))}", value


def restored(state: ShardState, entries: Iterable[tuple[str, bytes]]) -> ShardState:
    """Fill an initial state. Raises ValueError for what this code cannot read."""
    timers: list[Timer] = []
    results: list[ResultEntry] = []
    pieces: list[tuple[str, PartEntry]] = []
    long: list[tuple[str, bytes]] = []
    failed: list[tuple[str, FailedEntry]] = []
    outcomes: list[tuple[str, bytes]] = []
    parts: long_records.Parts = {}
    for key, value in entries:
        match key[:2]:
            case "r/":
                if _restore_run(state, key[2:], value, timers).cut is not None:
                    long.append((key[2:], value))
            case "h/":
                long_records.collect(parts, key, value)
            case "c/":
                pieces.append((key, _part(key, value)))
            case "p/":
                results.append(_result(key, value))
            case "f/":
                failed.append((key[2:], _failed(key, value)))
            case "o/":
                outcomes.append((key, value))
            case _:
                _restore_apart(state, key, value)
    for workflow_id, value in long:
        long_records.restore(state.runs, workflow_id, value, parts)
    _restore_timers(state, timers)
    _restore_closed(state.closed, pieces)
    restore_outcomes(state.outcomes, outcomes)
    for workflow_id, run in sorted(failed, key=lambda found: found[1].number):
        state.failed.restore(workflow_id, FailedRun(run.packed, run.at, run.number))
    for entry in sorted(results, key=lambda entry: entry.number):
        state.previous.restore((entry.name, entry.key), LastResult(entry.output, entry.at, entry.number))
    return state


def _restore_run(state: ShardState, workflow_id: str, value: bytes, timers: list[Timer]) -> Front:
    front = state.runs.restore(workflow_id, value)
    found = front.timers
    timers += [(found[at], workflow_id, found[at + 1]) for at in range(0, len(found), 2)]
    return front


def _restore_timers(state: ShardState, timers: list[Timer]) -> None:
    """Set the timers; those of stuck runs only say that they are."""
    state.timers = TimerHeap([timer for timer in timers if timer[2] != STUCK_SINCE])
    stuck = [workflow_id for _, workflow_id, step in timers if step == STUCK_SINCE]
    state.stuck = {workflow_id: stuck_run(state.runs[workflow_id]) for workflow_id in stuck}


def _restore_apart(state: ShardState, key: str, value: bytes) -> None:
    """Take in an entry that stands by itself."""
    if key == _SHARD:
        shard = _shard(key, value)
        state.pending = deque(shard.pending)
        state.closed.forgotten_before = shard.forgotten_before
        state.telling = unpack_telling(shard.telling)
        state.rebuilding = dict.fromkeys(shard.rebuilding)
    elif key[:2] in ("t/", "k"):
        restore_schedules(state.schedules, key, value)
    elif key == backlog_entries.QUEUES or key.startswith(backlog_entries.RUN):
        backlog_entries.take(state.backlogs, key, value)
    else:
        raise unknown(key)


def _closed_changes(closed: ClosedIds) -> Iterator[tuple[str, bytes | None]]:
    numbers = {part.number for part in closed.parts}
    for number in [number for number in closed.saved if number not in numbers]:
        for key in closed.saved.pop(number):
            yield key, None
    for part in closed.parts:
        saved = closed.saved.setdefault(part.number, [])
        if part.sealed:
            key = f"c/{part.number:010}/sealed"
            if saved != [key]:
                yield key, _pack_part(part, b"")
                for piece in saved:
                    yield piece, None
                closed.saved[part.number] = [key]
        elif closed.unsaved:
            key = f"c/{part.number:010}/{len(saved):06}"
            yield key, _pack_part(part, b"".join(closed.unsaved.values()))
            saved.append(key)
            closed.unsaved = {}


def _pack_part(part: Part, records: bytes) -> bytes:
    return pack(
        PartEntry(
            number=part.number,
            hour=part.hour,
            last_at=part.last_at,
            records=records,
            table=part.table,
            bits=part.bits,
        )
    )


def _restore_closed(closed: ClosedIds, pieces: list[tuple[str, PartEntry]]) -> None:
    """Put parts together. Keys end in zero-padded numbers, so that their order is that of time."""
    parts: dict[int, Part] = {}
    for key, entry in sorted(pieces, key=lambda piece: piece[0]):
        part = parts.get(entry.number)
        if part is None:
            part = parts[entry.number] = Part(number=entry.number, hour=entry.hour, last_at=entry.last_at)
        part.last_at = max(part.last_at, entry.last_at)
        part.table, part.bits = entry.table, entry.bits
        part.take(entry.records)
        closed.saved.setdefault(entry.number, []).append(key)
    for _, part in sorted(parts.items()):
        closed.restore(part)


def _pack_failed(failed: FailedRuns, workflow_id: str) -> bytes | None:
    found = failed.run(workflow_id)
    return pack(FailedEntry(packed=found.packed, at=found.at, number=found.number)) if found is not None else None


def _pack_result(results: LastResults, series: Series) -> bytes | None:
    found = results.result(series)
    if found is None:
        return None
    name, key = series
    return pack(ResultEntry(name=name, key=key, output=found.output, at=found.at, number=found.number))
