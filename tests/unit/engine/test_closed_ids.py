"""Ids that ended: remembered exactly, in bounded space, and what is older than that is refused."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import CommandForwarded, StartRefused
from headrace.engine.closed import HOUR_MS, Closed, ClosedIds
from headrace.engine.context import Limits, Shards
from headrace.engine.identity import command_digest, start_digest
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN

ENDS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0, 1, 1_000, HOUR_MS // 2, 3 * HOUR_MS])), max_size=120)
KEEP_MS = 5 * HOUR_MS


def closed(attempt: int) -> Closed:
    return Closed("FAILED", attempt, command_digest(f"c{attempt}"), start_digest("chain", b"%d" % attempt))


@settings(max_examples=200, deadline=None)
@given(ENDS, st.sampled_from([8, 24, 10_000]))
def test_it_remembers_what_a_plain_dict_does_until_it_says_that_it_forgot(
    ends: list[tuple[int, int]], limit: int
) -> None:
    ids, plain, now_ms = ClosedIds(keep_ms=KEEP_MS, limit=limit), dict[str, tuple[int, Closed]](), 10 * HOUR_MS
    for attempt, (number, pause_ms) in enumerate(ends, start=1):
        now_ms += pause_ms
        workflow_id = f"w{number}"
        ids.add(workflow_id, closed(attempt), now_ms)
        plain[workflow_id] = (now_ms, closed(attempt))
        assert len(ids) <= limit
        for known, (at, expected) in plain.items():
            found = ids.get(known)
            if found is None:
                assert at < ids.forgotten_before, f"{known} is gone, although it ended at {at}"
            else:
                assert found == expected
        if limit == 10_000:
            assert ids.forgotten_before <= now_ms - KEEP_MS
        assert "never" not in ids


def test_a_full_part_is_sealed_and_takes_forty_bytes_for_each_id() -> None:
    ids = ClosedIds(keep_ms=KEEP_MS, limit=80_000)
    for number in range(25_000):
        ids.add(f"order-{number}", closed(number), number)
    sealed = [part for part in ids.parts if part.sealed]
    assert len(sealed) == 2
    for part in sealed:
        assert len(part.table) + len(part.bits) <= 40 * len(part)
    assert all(ids.get(f"order-{number}") == closed(number) for number in range(0, 25_000, 100))
    assert not any(f"another-{number}" in ids for number in range(1_000))


def run_once(shard: DecisionShard, workflow_id: str) -> None:
    """Start a workflow and let it end."""
    shard.start("chain", workflow_id=workflow_id, command_id=workflow_id)
    shard.terminate(workflow_id)


def test_a_start_that_may_have_run_is_refused() -> None:
    shard = DecisionShard(CHAIN, limits=Limits(closed_limit=8))
    shard.now_ms = 5_000
    run_once(shard, "first")
    for number in range(20):
        shard.now_ms += 1_000
        run_once(shard, f"w{number}")
    late = shard.now_ms
    shard.now_ms = 5_000  # The clock of the log: when the repeated command was logged.
    refused = only(shard.start("chain", workflow_id="first", command_id="first"), StartRefused)
    assert (refused.error, refused.existing) == ("headrace.StartTooOld", False)
    assert "look for it" in refused.cause
    shard.now_ms = late
    assert names(shard.start("chain", workflow_id="new", command_id="new")) == ["WorkflowStarted", "TaskScheduled"]
    assert shard.start("chain", workflow_id="w19", command_id="w19") == []


def test_a_start_that_was_forwarded_is_as_old_as_when_it_was_logged_first() -> None:
    owner = shard_of("w", 4)
    limits = Limits(closed_limit=8)
    wrong = DecisionShard(CHAIN, shards=Shards(shard=(owner + 1) % 4, decision=4), limits=limits)
    right = DecisionShard(CHAIN, shards=Shards(shard=owner, decision=4), limits=limits)
    forwarded = only(wrong.start("chain"), CommandForwarded)
    assert forwarded.logged_at == wrong.now_ms
    right.now_ms = 1_000_000
    mine = [f"x{number}" for number in range(100) if shard_of(f"x{number}", 4) == owner]
    for workflow_id in mine:
        run_once(right, workflow_id)
    assert only(right.hear(forwarded), StartRefused).error == "headrace.StartTooOld"


def test_the_snapshot_holds_no_more_than_what_is_remembered() -> None:
    shard = DecisionShard(CHAIN, limits=Limits(closed_limit=80))
    for number in range(200):
        shard.now_ms += 1_000
        run_once(shard, f"w{number}")
        if number % 7 == 0:
            shard.checkpoint()
    shard.checkpoint()
    ids = [key for key in shard.entries if key.startswith("c/")]
    assert len(ids) <= 8 + 2
    assert sum(len(shard.entries[key]) for key in ids) < 80 * 60
    shard.take_over()
    assert len(shard.state.closed) <= 80
    assert shard.start("chain", workflow_id="w199", command_id="w199") == []


def test_everything_is_bounded_when_all_has_ended() -> None:
    shard = DecisionShard(CHAIN, limits=Limits(closed_limit=16))
    for number in range(100):
        events = shard.start("chain", workflow_id=f"w{number}", command_id=f"c{number}")
        while tasks := [event for event in events if isinstance(event, TaskScheduled)]:
            events = shard.complete(tasks[0])
    shard.checkpoint()
    state = shard.state
    assert not len(state.runs) and not state.pending and not len(shard.activations) and not state.runs.live()
    assert len(state.closed) <= 16 and not len(state.previous) and not len(state.runs.changed)
    assert len(shard.entries) <= 12
