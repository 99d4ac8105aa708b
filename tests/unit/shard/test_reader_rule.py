"""The reader's rule against a plain model of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.headers import EPOCH_STARTED
from headrace.shard.reader_rule import CLOSED, START, Position, Verdict, judge

Header = tuple[int, int] | None
FENCE: Header = (EPOCH_STARTED, 0)


def read(headers: list[Header], start: Position = START) -> list[int]:
    """Return the offsets that a reader accepts."""
    position, accepted = start, []
    for offset, header in enumerate(headers):
        verdict, position = judge(position, offset, header)
        if verdict is Verdict.ACCEPT:
            accepted.append(offset)
    return accepted


def model(headers: list[Header]) -> list[int]:
    """Say the same without positions: a record counts if its reign's records up to it are exactly 1, 2, ... n."""
    accepted = []
    for offset, header in enumerate(headers):
        fences = [at for at in range(offset) if headers[at] == FENCE]
        if header is None or header == FENCE or not fences or header[0] != fences[-1]:
            continue
        numbers = [h[1] for h in headers[fences[-1] : offset + 1] if h is not None and h[0] == fences[-1]]
        if numbers == list(range(1, len(numbers) + 1)):
            accepted.append(offset)
    return accepted


headers = st.lists(
    st.one_of(
        st.just(FENCE),
        st.none(),
        st.tuples(st.integers(0, 12), st.integers(0, 5)),
        st.tuples(st.just(0), st.integers(1, 4)),
    ),
    max_size=30,
)


@given(headers)
def test_a_reader_accepts_what_the_model_accepts(journal: list[Header]) -> None:
    assert read(journal) == model(journal)


@given(headers, st.data())
def test_a_reader_that_stops_and_goes_on_accepts_the_same(journal: list[Header], data: st.DataObject) -> None:
    stop = data.draw(st.integers(0, len(journal)))
    position = START
    for offset, header in enumerate(journal[:stop]):
        _, position = judge(position, offset, header)
    # It goes on anywhere at or before its position: what it has seen does not count twice.
    before = read(journal[:stop])
    assert before + read(journal, position) == model(journal)


@given(headers, st.data())
def test_a_reader_that_begins_at_an_epoch_accepts_what_follows_it(journal: list[Header], data: st.DataObject) -> None:
    fences = [offset for offset, header in enumerate(journal) if header == FENCE]
    if fences:
        epoch = data.draw(st.sampled_from(fences))
        assert read(journal, Position(epoch - 1)) == [offset for offset in model(journal) if offset > epoch]


@pytest.mark.parametrize(
    ("position", "offset", "header", "verdict", "after"),
    [
        (START, 0, FENCE, Verdict.NEW_REIGN, Position(0, 0, 0)),
        (Position(0, 0, 0), 1, (0, 1), Verdict.ACCEPT, Position(1, 0, 1)),
        (Position(1, 0, 1), 2, (0, 3), Verdict.HOLE, Position(2, 0, CLOSED)),
        (Position(2, 0, CLOSED), 3, (0, 2), Verdict.AFTER_HOLE, Position(3, 0, CLOSED)),
        (Position(2, 0, CLOSED), 3, (0, 0), Verdict.AFTER_HOLE, Position(3, 0, CLOSED)),
        (Position(3, 3, 0), 4, (0, 2), Verdict.ZOMBIE, Position(4, 3, 0)),
        (Position(4, 3, 0), 5, None, Verdict.ALIEN, Position(5, 3, 0)),
        (Position(5, 3, 1), 6, (3, 1), Verdict.HOLE, Position(6, 3, CLOSED)),  # the same record twice
        (Position(6, 3, 1), 6, (3, 2), Verdict.SEEN, Position(6, 3, 1)),
    ],
)
def test_every_case(position: Position, offset: int, header: Header, verdict: Verdict, after: Position) -> None:
    assert judge(position, offset, header) == (verdict, after)
