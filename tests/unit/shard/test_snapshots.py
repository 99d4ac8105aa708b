"""The format of snapshots: what is written by checkpoints comes back as entries, compacted or not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.shard.snapshots import CHECKPOINT_KEY, Assembler, entry_key, to_records

CHUNK = 4
keys = st.sampled_from(["a", "b", "run/ä", "run/b"])
checkpoints = st.lists(st.dictionaries(keys, st.none() | st.binary(max_size=19), max_size=4), max_size=8)


def entries(records: list[tuple[bytes, bytes | None]]) -> tuple[dict[str, bytes], dict[str, int]]:
    assembler, chunks = Assembler(), {}  # type: ignore[var-annotated]
    for key, value in records:
        assembler.take(key, value or b"")
    return dict(assembler.entries(chunks)), chunks


@given(checkpoints, st.integers(0, 1 << 32))
def test_what_checkpoints_write_comes_back(written: list[dict[str, bytes | None]], seed: int) -> None:
    expected: dict[str, bytes] = {}
    log: list[tuple[bytes, bytes | None]] = []
    chunks: dict[str, int] = {}
    for changes in written:
        log += to_records(changes.items(), chunks, CHUNK)
        for key, value in changes.items():
            if value is None:
                expected.pop(key, None)
            else:
                expected[key] = value
        if Random(seed).random() < 0.5:
            last = {key: at for at, (key, _) in enumerate(log)}
            log = [(key, value) for at, (key, value) in enumerate(log) if last[key] == at and value is not None]
    found, found_chunks = entries(log)
    assert found == expected
    assert found_chunks == chunks == {key: -(-len(value) // CHUNK) for key, value in expected.items() if len(value) > 4}


def test_entries_come_in_the_order_of_their_keys() -> None:
    assembler = Assembler()
    for name in ("b", "a", "c/2", "c/10", "ä"):
        for key, value in to_records([(name, b"x" * 9)], {}, CHUNK):
            assembler.take(key, value or b"")
    assembler.take(CHECKPOINT_KEY, b"checkpoint")
    assert [name for name, _ in assembler.entries({})] == ["a", "b", "c/10", "c/2", "ä"]
    assert assembler.checkpoint == b"checkpoint"


def test_a_missing_chunk_is_noticed() -> None:
    records = list(to_records([("a", b"x" * 12)], {}, CHUNK))
    with pytest.raises(ValueError, match="Expected 3 chunks of entry 'a', but found 2"):
        entries([records[0], records[2]])


def test_a_foreign_key_is_noticed() -> None:
    with pytest.raises(ValueError, match="Expected a key of a snapshot"):
        entries([(b"who", b"is this")])


@pytest.mark.parametrize("name", ["a\0b", "x" * 251])
def test_keys_that_cannot_be_written_are_the_deciders_mistake(name: str) -> None:
    with pytest.raises(AssertionError, match="a decider yielded"):
        entry_key(name)
