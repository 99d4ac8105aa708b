"""How far behind the log the read model says it is."""

from __future__ import annotations

from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_status.projection.board import Board, Progress

WHERE = TopicPartition("workflow.journal", 0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


def test_the_lag_is_zero_only_while_everything_is_in_the_rows() -> None:
    clock = Clock()
    board = Board(clock)
    clock.now = 1_500
    assert board.lag_ms() == 500
    board.level(level=True)
    clock.now = 9_000
    assert board.lag_ms() == 0
    board.level(level=False)
    assert board.lag_ms() == 7_500


def test_what_was_committed_tells_how_old_the_rows_are() -> None:
    clock = Clock()
    board = Board(clock)
    board.opened({WHERE: Position(3)})
    board.level(level=False)
    clock.now = 5_000
    board.committed({WHERE: Progress(position=Position(9), at=4_200)}, records=1, rows=1, refused=0)
    assert board.lag_ms() == 800
    assert board.progress()[WHERE].position == Position(9)


def test_listeners_hear_of_commits_until_they_leave() -> None:
    board, heard = Board(), []
    leave = board.subscribe(lambda: heard.append(1))
    board.committed({}, records=0, rows=0, refused=0)
    leave()
    board.committed({}, records=0, rows=0, refused=0)
    assert heard == [1]
