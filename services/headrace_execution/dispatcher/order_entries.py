"""What decides the order, as entries of a snapshot: limits, clocks and turns. See `checkpoint.py`."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush

from headrace.shard.entries import Entry, key_part, pack, unpacker
from headrace_execution.dispatcher import permits
from headrace_execution.dispatcher.fairness import Clock, ClockKey, Turn, TurnKey
from headrace_execution.dispatcher.limits import Limit
from headrace_execution.dispatcher.rules import QUEUE, LimitKey
from headrace_execution.dispatcher.state import DispatcherState


class LimitEntry(Entry, array_like=True, kw_only=True):
    """A limit; who holds its permits follows from the assignments."""

    key: LimitKey
    at_once: int
    per_period: int
    period_ms: int
    level: int
    level_at: int


class ClockEntry(Entry, array_like=True, kw_only=True):
    """A clock."""

    key: ClockKey
    now: float


class TurnEntry(Entry, array_like=True, kw_only=True):
    """A turn."""

    clock: ClockKey
    key: TurnKey
    tag: float


_limit = unpacker(LimitEntry)
_clock = unpacker(ClockEntry)
_turn = unpacker(TurnEntry)


def changes(state: DispatcherState) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time."""
    ledger = state.ledger
    for limit, value in ledger.limits.take(lambda key: _pack_limit(state.limits.get(key))):
        yield f"l/{key_part('/'.join(limit))}", value
    for (queue, priority), value in ledger.clocks.take(lambda key: _pack_clock(key, state.clocks.get(key))):
        yield f"c/{key_part(f'{queue}/{priority}')}", value
    for (queue, priority, turn), value in ledger.turns.take(lambda key: _pack_turn(state, key)):
        yield f"t/{key_part(f'{queue}/{priority}/{turn}')}", value


def take(state: DispatcherState, key: str, value: bytes) -> None:
    """Take an entry in. Raises ValueError for what this code cannot read."""
    match key[:2]:
        case "l/":
            _take_limit(state, _limit(key, value))
        case "c/":
            clock = _clock(key, value)
            state.clocks.setdefault(clock.key, Clock()).now = clock.now
        case _:
            turn = _turn(key, value)
            state.clocks.setdefault(turn.clock, Clock()).turns[turn.key] = Turn(turn.tag)


def settle(state: DispatcherState) -> None:
    """Note what is to be forgotten later, once all attempts and assignments are there."""
    for limit in list(state.limits.values()):
        permits.settle(state, limit)
    for where, clock in state.clocks.items():
        for key, turn in clock.turns.items():
            if not turn.waiting:
                heappush(state.live.idle.setdefault(where, []), (turn.tag, key))


def _take_limit(state: DispatcherState, entry: LimitEntry) -> None:
    known = state.limits.get(entry.key)
    if known is None and entry.key[1] == QUEUE:
        state.ledger.limits.touched(entry.key)  # it is not set any more
        return
    limit = state.limits[entry.key] = Limit(
        key=entry.key,
        at_once=entry.at_once,
        per_period=entry.per_period,
        period_ms=entry.period_ms,
        level=entry.level,
        level_at=entry.level_at,
    )
    if known is not None:
        limit.declare(known.at_once, known.per_period, known.period_ms, entry.level_at)


def _pack_limit(limit: Limit | None) -> bytes | None:
    if limit is None:
        return None
    return pack(
        LimitEntry(
            key=limit.key,
            at_once=limit.at_once,
            per_period=limit.per_period,
            period_ms=limit.period_ms,
            level=limit.level,
            level_at=limit.level_at,
        )
    )


def _pack_clock(key: ClockKey, clock: Clock | None) -> bytes | None:
    return None if clock is None else pack(ClockEntry(key=key, now=clock.now))


def _pack_turn(state: DispatcherState, key: tuple[str, int, TurnKey]) -> bytes | None:
    clock = state.clocks.get(key[:2])
    turn = None if clock is None else clock.turns.get(key[2])
    return None if turn is None else pack(TurnEntry(clock=key[:2], key=key[2], tag=turn.tag))
