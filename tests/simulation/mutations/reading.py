"""Mutations of the reader's rule, and of who follows it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.contracts.headers import EPOCH_STARTED, journal_position
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position, Verdict, judge
from headrace.shard.reading import JournalReader
from headrace.shard.window import Window
from headrace.shard.writer import Reign
from tests.simulation.mutations.swapping import swapped, swapped_everywhere, together


def ignore_failed_delivery() -> AbstractContextManager[None]:
    """Whatever an acknowledgement says, the reign goes on."""

    def make(original: Any) -> Any:
        def take_acks(window: Window, wait_ms: int) -> bool:
            acks = window._writer.poll(wait_ms)
            for ack in acks:
                window._waiting.popleft()
                window._next_offset = max(window._next_offset + 1, ack.offset + 1)
            return bool(acks)

        return take_acks

    return swapped(Window, "take_acks", make)


def drop_n() -> AbstractContextManager[None]:
    """Every record of the epoch counts, whatever is missing before it."""

    def judge_without_n(position: Position, offset: int, header: tuple[int, int] | None) -> tuple[Verdict, Position]:
        verdict, after = judge(position, offset, header)
        if header is not None and verdict in (Verdict.HOLE, Verdict.AFTER_HOLE):
            return Verdict.ACCEPT, Position(offset, *header)
        return verdict, after

    return swapped_everywhere(judge, judge_without_n)


def drop_epoch() -> AbstractContextManager[None]:
    """A record counts if its number is the next one, whoever wrote it."""

    def judge_without_epoch(
        position: Position, offset: int, header: tuple[int, int] | None
    ) -> tuple[Verdict, Position]:
        verdict, after = judge(position, offset, header)
        if verdict is Verdict.ZOMBIE and header is not None and header[1] == position.n + 1:
            return Verdict.ACCEPT, Position(offset, position.epoch, header[1])
        return verdict, after

    return swapped_everywhere(judge, judge_without_epoch)


def begin_anywhere() -> AbstractContextManager[None]:
    """A reader without a position begins behind the last record, and takes its header for the truth."""

    def make(original: Any) -> Any:
        def last_reign(reader: JournalReader, journal: TopicPartition) -> Position:
            _, end = reader._log.bounds([journal])[journal]
            last = reader._log.record_at(journal, end - 1) if end else None
            header = journal_position(last.headers) if last is not None else None
            if header is None:
                return Position(end - 1)
            epoch, n = header
            return Position(end - 1, end - 1, 0) if epoch == EPOCH_STARTED else Position(end - 1, epoch, n)

        return last_reign

    return swapped(JournalReader, "_last_reign", make)


def keep_state_after_gap() -> AbstractContextManager[None]:
    """A checkpoint's fence that stands further on than it must is taken all the same."""

    def make(original: Any) -> Any:
        def take_acks(window: Window, wait_ms: int) -> bool:
            acks = window._writer.poll(wait_ms)
            for ack in acks:
                if ack.token == 0 and not ack.error and ack.offset > window._next_offset:
                    window._next_offset = ack.offset
            window._writer.acks = acks  # type: ignore[attr-defined]
            return bool(original(window, wait_ms))

        return take_acks

    return swapped(Window, "take_acks", make)


def timers_before_catching_up() -> AbstractContextManager[None]:
    """Timers fire as soon as the replay is over."""

    def make(original: Any) -> Any:
        def tick(reign: Reign) -> bool:
            caught_up, reign.caught_up = reign.caught_up, True
            try:
                return bool(original(reign))
            finally:
                reign.caught_up = caught_up

        return tick

    def make_step(original: Any) -> Any:
        def step(reign: Reign) -> bool:
            may = not (reign._checkpoints.holds or reign._window.full)
            return (may and reign._tick()) or bool(original(reign))

        return step

    return together(swapped(Reign, "_tick", make), swapped(Reign, "step", make_step))
