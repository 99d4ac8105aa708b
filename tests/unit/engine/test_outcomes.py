"""How workflows ended is remembered up to limits of number, size and time, in parts that go as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.kernel.outcomes import SUCCEEDED, Outcome
from headrace.engine.outcome_entries import outcome_changes, restore_outcomes
from headrace.engine.outcomes import Outcomes, ended

DAY = 86_400_000


def outcomes(limit: int = 80, limit_bytes: int = 1_000_000) -> Outcomes:
    return Outcomes(keep_ms=DAY, limit=limit, limit_bytes=limit_bytes)


def add(kept: Outcomes, workflow_id: str, at: int = 0, size: int = 1, seen: bytes = b"") -> None:
    kept.add(workflow_id, ended(f"run of {workflow_id}", Outcome(SUCCEEDED, b"x" * size), seen), at)


def test_the_last_end_under_an_id_counts() -> None:
    kept = outcomes()
    add(kept, "w", size=1)
    add(kept, "w", size=2, seen=b"12345678")
    found = kept.get("w")
    assert found is not None
    assert (found.outcome.data, found.seen, found.run_id) == (b"xx", b"12345678", "run of w")
    assert kept.get("other") is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    kept = outcomes(limit=80)
    for number in range(500):
        add(kept, f"w{number}", at=number)
        assert len(kept) <= 80 + 10
    assert kept.get("w499") is not None
    assert kept.get("w440") is not None
    assert kept.get("w0") is None


def test_the_oldest_go_when_they_are_too_large() -> None:
    kept = outcomes(limit_bytes=80_000)
    for number in range(200):
        add(kept, f"w{number}", size=1_000)
        assert sum(part.size_bytes for part in kept.parts) <= 91_000
    assert kept.get("w199") is not None
    assert kept.get("w0") is None


def test_one_that_is_larger_than_all_may_be_is_kept_until_the_next() -> None:
    kept = outcomes(limit_bytes=1_000)
    add(kept, "large", size=5_000)
    assert kept.get("large") is not None
    add(kept, "next")
    assert kept.get("large") is None
    assert kept.get("next") is not None


def test_what_is_old_goes() -> None:
    kept = outcomes()
    add(kept, "old")
    add(kept, "newer", at=DAY // 2)
    add(kept, "new", at=DAY + 1)
    assert kept.get("old") is None
    assert kept.get("newer") is not None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400), st.booleans()), max_size=60))
def test_a_snapshot_holds_what_is_remembered(adds: list[tuple[int, int, bool]]) -> None:
    """Checkpoints in between write what is new, and nothing twice; what is forgotten leaves the snapshot."""
    kept, entries, at = outcomes(limit=16, limit_bytes=4_000), dict[str, bytes](), 0
    for number, size, checkpoint in adds:
        at += DAY // 20
        add(kept, f"w{number}", at=at, size=size)
        if checkpoint:
            _apply(kept, entries)
    _apply(kept, entries)
    restored = outcomes(limit=16, limit_bytes=4_000)
    restore_outcomes(restored, entries.items())
    assert restored == kept
    assert restored.saved == kept.saved
    assert [(part.first_at, part.size_bytes) for part in restored.parts] == [
        (part.first_at, part.size_bytes) for part in kept.parts
    ]
    assert not list(outcome_changes(kept))


def _apply(kept: Outcomes, entries: dict[str, bytes]) -> None:
    for key, value in outcome_changes(kept):
        if value is None:
            del entries[key]
        else:
            assert key not in entries
            entries[key] = value
