"""Canaries: which tasks are chosen, at run time and over restarts, and that nothing waits because of one."""

from __future__ import annotations

import random

import pytest

from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import CanaryCleared, CanarySet, TaskAssigned, TaskUnserved
from headrace.contracts.partition import shard_of
from headrace.contracts.task_rules import TaskRules
from headrace.contracts.workflow_events import CommandRejected
from headrace_execution.dispatcher.canaries import place_of
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded

RESTARTS = ["", "take_over", "take_over_from_checkpoint"]


def canary(
    share: float, *, version: str = "2.0", queue: str = "q", task: str = "t", command_id: str = "c1"
) -> SetCanary:
    return SetCanary(
        command_id=command_id, queue=queue, task=task, version=version, share=share, issued_by="ann", issued_at=0
    )


def steps_of(shard: DispatcherShard, worker: str) -> list[int]:
    return [given.task.step for given in shard.assigned_to(worker)]


def side_by_side(slots: int = 500) -> DispatcherShard:
    shard = DispatcherShard()
    shard.hello("old", slots, versions={"t": "1.4"})
    shard.hello("new", slots, versions={"t": "2.0"})
    return shard


def test_places_are_spread_evenly_and_depend_on_run_and_step_alone() -> None:
    places = [place_of("3-1234", step) for step in range(10_000)] + [place_of(f"run-{n}", 0) for n in range(10_000)]
    assert all(0 <= place < 1 for place in places)
    for tenth in range(10):
        assert 1_800 < sum(tenth / 10 <= place < (tenth + 1) / 10 for place in places) < 2_200
    assert place_of("run", 3) == 0.37530775374131053


@pytest.mark.parametrize("restart", RESTARTS)
def test_a_share_goes_to_the_version_and_the_rest_to_the_others(restart: str) -> None:
    shard = side_by_side()
    shard.feed(canary(0.1))
    if restart:
        getattr(shard, restart)()
    shard.record(*(scheduled(step) for step in range(300)))
    chosen = [step for step in range(300) if place_of("run", step) < 0.1]
    assert steps_of(shard, "new") == chosen
    assert len(steps_of(shard, "old")) == 300 - len(chosen)


def test_who_is_chosen_stays_so_over_attempts_and_with_a_larger_share() -> None:
    shard = side_by_side()
    shard.feed(canary(0.2))
    shard.record(*(scheduled(step) for step in range(50)))
    first = steps_of(shard, "new")
    shard.feed(canary(0.5))
    shard.record(*(scheduled(step, attempt=2) for step in first))
    assert steps_of(shard, "new")[len(first) :] == first


@pytest.mark.parametrize("restart", RESTARTS)
def test_it_holds_for_what_waits_already_and_is_taken_back_at_run_time(restart: str) -> None:
    shard = DispatcherShard()
    shard.hello("old", 1, versions={"t": "1.4"})
    shard.record(*(scheduled(step) for step in range(40)))
    shard.feed(canary(0.5))
    shard.hello("new", 5, versions={"t": "2.0"})
    if restart:
        getattr(shard, restart)()
    chosen = [step for step in range(1, 40) if place_of("run", step) < 0.5]
    assert steps_of(shard, "new") == chosen[:5]
    shard.feed(canary(0))
    for given in shard.assigned_to("new"):
        shard.record(succeeded(given))
    left = [step for step in range(1, 40) if step not in chosen[:5]]
    assert steps_of(shard, "new")[5:] == left[:5]  # in the order in which they came
    assert [event.issued_by for event in shard.of(CanaryCleared)] == ["ann"]


def test_a_canary_without_a_living_worker_holds_nothing_up() -> None:
    shard = DispatcherShard()
    shard.feed(canary(1.0))
    shard.hello("old", 100, versions={"t": "1.4"})
    shard.record(*(scheduled(step) for step in range(10)))
    assert steps_of(shard, "old") == list(range(10))
    assert not shard.of(TaskUnserved)


def test_tasks_go_to_the_other_side_when_the_last_worker_of_theirs_is_gone() -> None:
    shard = side_by_side(slots=5)
    shard.feed(canary(1.0))
    shard.record(*(scheduled(step) for step in range(10)))
    assert (steps_of(shard, "old"), steps_of(shard, "new")) == ([], [0, 1, 2, 3, 4])
    shard.report("new", holds=[1, 2, 3, 4, 5], stopping=True)
    assert steps_of(shard, "old") == [5, 6, 7, 8, 9]


def test_those_who_are_not_chosen_may_run_on_the_version_where_there_is_no_other() -> None:
    shard = DispatcherShard()
    shard.hello("new", 100, versions={"t": "2.0"})
    shard.feed(canary(0.01))
    shard.record(*(scheduled(step) for step in range(20)))
    assert len(steps_of(shard, "new")) == 20


def test_a_canary_gives_nobody_a_version_that_the_workflow_does_not_allow() -> None:
    shard = side_by_side()
    shard.feed(canary(1.0))
    shard.record(*(scheduled(step, rules=TaskRules(version="1.2")) for step in range(10)))
    assert len(steps_of(shard, "old")) == 10


def test_other_tasks_and_queues_are_not_concerned() -> None:
    shard = side_by_side()
    shard.hello("both", 500, tasks=("u",))
    shard.feed(canary(1.0, queue="other"))
    shard.feed(canary(1.0, task="u"))
    shard.record(*(scheduled(step) for step in range(10)))
    assert len(steps_of(shard, "old")) == len(steps_of(shard, "new")) == 5


def test_what_is_so_already_is_not_told_again() -> None:
    shard = DispatcherShard()
    shard.feed(canary(0))
    shard.feed(canary(0.1))
    shard.feed(canary(0.1, command_id="c2"))
    assert len(shard.of(CanarySet)) == 1
    assert not shard.of(CanaryCleared)


def test_bad_commands_are_refused_with_a_reason() -> None:
    shard = DispatcherShard(DispatchLimits(canaries=1))
    bad = [
        (canary(1.5), "Expected a share from 0 to 1, but found 1.5"),
        (canary(float("nan")), "Expected a share from 0 to 1, but found nan"),
        (canary(0.1, version="two"), "Expected a version such as"),
        (canary(0.1, queue=""), "Expected a queue and a task"),
    ]
    for command, _ in bad:
        shard.feed(command)
    shard.feed(canary(0.1))
    shard.feed(canary(0.1, task="u"))
    reasons = [event.reason for event in shard.of(CommandRejected)]
    for reason, (_, expected) in zip(reasons, bad, strict=False):
        assert expected in reason
    assert reasons[len(bad) :] == ["Expected at most 1 canaries, but found another; take one back first"]


def test_a_command_on_the_wrong_partition_is_refused() -> None:
    shard = DispatcherShard(number=1 - shard_of("q", 2), shards=2)
    shard.feed(canary(0.1))
    (rejected,) = shard.of(CommandRejected)
    assert rejected.error == "headrace.InvalidCanary"
    assert f"on partition {shard_of('q', 2)}" in rejected.reason


@pytest.mark.parametrize("seed", range(30))
def test_under_random_histories_nobody_waits_beside_a_worker_of_its_side(seed: int) -> None:
    rng = random.Random(seed)
    shard, step, sessions = DispatcherShard(), 0, 0
    for _ in range(60):
        what = rng.random()
        if what < 0.3:
            count = rng.randint(1, 6)
            rules = rng.choice([None, TaskRules(version="1.2"), TaskRules(version="2.0", task_versions="own")])
            shard.record(*(scheduled(step + n, rules=rules) for n in range(count)))
            step += count
        elif what < 0.5:
            sessions += 1
            version = rng.choice(["0", "1.2", "1.3", "2.0"])
            versions = {} if version == "0" else {"t": version}
            shard.hello(f"w{sessions}", rng.randint(1, 3), versions=versions, session=f"s{sessions}")
        elif what < 0.6 and len(shard.state.workers) > 3:
            worker = shard.state.workers[rng.choice(sorted(shard.state.workers))]
            shard.goodbye(worker.name, worker.session)
        elif what < 0.75:
            version = rng.choice(["1.3", "2.0", "9.9"])
            shard.feed(canary(rng.choice([0, 0.1, 0.5, 1.0]), version=version))
        elif what < 0.95 and shard.state.assignments:
            number = rng.choice(sorted(shard.state.assignments))
            given = next(each for each in shard.of(TaskAssigned) if each.assignment == number)
            shard.record(succeeded(given))
        else:
            getattr(shard, rng.choice(["take_over", "take_over_from_checkpoint"]))()
        nobody_waits_in_vain(shard)


def nobody_waits_in_vain(shard: DispatcherShard) -> None:
    """Hold the state against a plain reading of the rules."""
    state = shard.state
    chosen = state.canaries.get(("q", "t"))
    for attempt in state.open.values():
        if attempt.assignment:
            continue
        rules = attempt.task.rules
        able = [
            worker
            for worker in state.workers.values()
            if worker.offers and not worker.stopping and allowed(worker.version("q", "t"), rules)
        ]
        assert attempt.unserved == (not able)
        if chosen is not None:
            on_it = place_of(attempt.task.run_id, attempt.task.step) < chosen.share
            able = [worker for worker in able if (worker.version("q", "t") == chosen.version) == on_it] or able
        assert all(worker.free("q") == 0 for worker in able)


def allowed(version: str, rules: TaskRules | None) -> bool:
    if rules is None:
        return True
    if rules.task_versions == "own":
        return version == "2.0"
    return version in ("1.2", "1.3")
