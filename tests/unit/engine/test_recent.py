"""What is kept of what was used, against a plain model of the promise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.context import Limits
from headrace.engine.recent import HEAVY, HEAVY_TOGETHER, Recent
from tests.unit.engine.decision_shard import DecisionShard
from tests.unit.engine.workflows import CHAIN, sequence

USES = st.lists(st.tuples(st.sampled_from(["use", "use", "use", "pop", "age"]), st.integers(0, 9)), max_size=80)


@given(USES, st.integers(2, 8))
def test_what_was_used_last_is_there_and_what_is_not_has_left(uses: list[tuple[str, int]], limit: int) -> None:
    left: dict[int, str] = {}
    recent: Recent[int, str] = Recent(limit, left.__setitem__)
    there: list[int] = []
    since_age: list[int] = []
    for move, key in uses:
        if move == "pop":
            assert (recent.pop(key) is not None) == (key in there and key not in left)
            there, since_age = [[k for k in keys if k != key] for keys in (there, since_age)]
            left.pop(key, None)
        elif move == "age":
            recent.age()
            since_age = []
        else:
            if recent.get(key) is None:
                left.pop(key, None)
                recent.put(key, str(key))
            there = [*(k for k in there if k != key), key]
            since_age = [*(k for k in since_age if k != key), key][-(limit // 2) :]
            assert all(recent.peek(used) == str(used) for used in since_age)
        assert len(recent) <= limit + 1
        assert {k for k in there if recent.peek(k) is not None} | left.keys() >= set(there)
        assert not {k for k in left if recent.peek(k) is not None}


def test_the_heavy_gives_way_to_the_heavy_only() -> None:
    left: list[str] = []
    recent: Recent[str, int] = Recent(4, lambda key, _: left.append(key), weight=lambda value: value)
    recent.put("long", HEAVY)
    for number in range(100):
        recent.put(f"short-{number}", 1)
    assert recent.get("long") == HEAVY
    for number in range(20):
        recent.put(f"longer-{number}", HEAVY_TOGETHER // 10)
    assert "long" in left
    assert sum(recent.values()) <= HEAVY_TOGETHER * 1.5
    assert recent.peek("longer-19") is not None


def test_a_long_workflow_among_many_short_ones_is_not_replayed_at_each_step() -> None:
    shard = DecisionShard(CHAIN, sequence, limits=Limits(live_coroutines=4, live_runs=4))
    (_, task) = shard.start("sequence", {"n": 120}, workflow_id="long")
    for _ in range(70):
        _, task = shard.complete(task)  # type: ignore[arg-type]
    kernel = shard.activations.caught_up(shard.state.runs["long"])
    for number in range(40):
        shard.start("chain", workflow_id=f"short-{number}")
        if number % 10 == 0:
            _, task = shard.complete(task)  # type: ignore[arg-type]
            assert shard.activations.caught_up(shard.state.runs["long"]) is kernel
