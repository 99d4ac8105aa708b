"""Mutations of recovery: positions, versions, the order of things."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import msgspec

from headrace.engine.context import Context
from headrace.engine.decider import DecisionDecider
from headrace.shard import runtime
from headrace.shard.errors import ShardDeclined
from headrace.shard.fence import announce
from headrace.shard.loading import Loading
from headrace.shard.ports import Record
from headrace.shard.reader_rule import Position
from headrace.shard.recorder import Recorder, Unfit
from headrace.shard.recovery import Recovery
from headrace.shard.writer import Reign
from tests.simulation.mutations.swapping import swapped, together


def _reign_with(change: Any) -> AbstractContextManager[None]:
    """Change what a reign begins with."""

    def make(original: Any) -> Any:
        def begin(reign: Reign, env: Any, loaded: Loading, writer: Any, **rest: Any) -> None:
            change(loaded.fold.positions)
            original(reign, env, loaded, writer, **rest)

        return begin

    return swapped(Reign, "__init__", make)


def forget_positions() -> AbstractContextManager[None]:
    """A reign begins without knowing how far its inputs were read."""
    return _reign_with(lambda positions: positions.clear())


def position_off_by_one() -> AbstractContextManager[None]:
    """A reign begins one command too late."""

    def later(positions: dict[Any, Position]) -> None:
        for where, at in positions.items():
            if at.epoch < 0:
                positions[where] = Position(at.offset + 1)

    return _reign_with(later)


def init_after_loading() -> AbstractContextManager[None]:
    """The snapshot is loaded first, and only then are earlier writers shut out."""

    def make_init(original: Any) -> Any:
        def begin(loading: Loading, env: Any, epoch: int, writer: Any) -> None:
            original(loading, env, epoch, writer)
            writer.writes.clear()
            env.log.snapshots_under_way.remove(writer)

        return begin

    def make_finish(original: Any) -> Any:
        def finish(loading: Loading) -> None:
            original(loading)
            loading.writer.fence()

        return finish

    return together(swapped(Loading, "__init__", make_init), swapped(Loading, "_finish", make_finish))


def older_code_takes_over() -> AbstractContextManager[None]:
    """Nobody asks which code ran the shard before."""

    def announce_anyway(env: Any, last: Any) -> Any:
        if last is not None:
            last = msgspec.structs.replace(last, started=msgspec.structs.replace(last.started, code_version=0))
        return announce(env, last)

    def make_take(original: Any) -> Any:
        def take(recovery: Recovery, record: Record) -> None:
            try:
                original(recovery, record)
            except ShardDeclined:
                return

        return take

    def make_finish(original: Any) -> Any:
        def finish(loading: Loading) -> None:
            decider: Any = loading._env.decider
            version, decider.code_version = decider.code_version, 1_000
            try:
                original(loading)
            finally:
                decider.code_version = version

        return finish

    return together(
        swapped(runtime, "announce", lambda _: announce_anyway),
        swapped(Recovery, "_take", make_take),
        swapped(Loading, "_finish", make_finish),
    )


def go_on_after_broken_evolve() -> AbstractContextManager[None]:
    """An exception in `evolve` is taken for one in `decide`: the half-changed state is kept."""

    def make(original: Any) -> Any:
        def collect(recorder: Recorder, make_events: Any, stop_at_bytes: int | None = None) -> Exception | None:
            try:
                found: Exception | None = original(recorder, make_events, stop_at_bytes)
            except Unfit as unfit:
                return unfit.error
            return found

        return collect

    return swapped(Recorder, "collect", make)


def break_whole_inputs() -> AbstractContextManager[None]:
    """What an input was about is set aside as a whole, and a timer ends its process, as without `refuse`."""
    return swapped(DecisionDecider, "refuse", lambda _: lambda decider, event, error: False)


def over_large_decision() -> AbstractContextManager[None]:
    """Nobody looks how large a decision becomes."""

    def make_take(original: Any) -> Any:
        def take(recorder: Recorder, event: Any) -> None:
            env = recorder._env
            limits, env.limits = env.limits, msgspec.structs.replace(env.limits, record_limit_bytes=10**9)
            try:
                original(recorder, event)
            finally:
                env.limits = limits

        return take

    return together(
        swapped(Recorder, "_take", make_take), swapped(Context, "has_room", lambda _: lambda context, size: True)
    )


def progress_for_others() -> AbstractContextManager[None]:
    """A record of progress follows after other journals' records, too."""

    def make(original: Any) -> Any:
        def move(recorder: Recorder, partition: Any, position: Position) -> None:
            original(recorder, partition, position)
            if recorder._progress_due is None:
                recorder._progress_due = recorder._env.clock.monotonic_ms()

        return move

    return swapped(Recorder, "move", make)
