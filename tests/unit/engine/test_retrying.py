"""A retried workflow takes over what has succeeded, and goes on at what failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.contracts.child_events import ChildRequested
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import (
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
)
from headrace.engine.context import Limits
from headrace.engine.programs.python.errors import TaskFailed
from tests.unit.engine.decision_shard import names, only
from tests.unit.engine.retrying import play, reused, run_names, scheduled, steps
from tests.unit.engine.versions import OperatedShard
from tests.unit.engine.workflows import CHAIN, PARENT

BRANCHES = {
    "apiVersion": "headrace/v1",
    "name": "branches",
    "tasks": {
        "list": {"task": "list"},
        "each": {
            "task": "measure",
            "needs": ["list"],
            "foreach": "{% $tasks.list.output %}",
            "input": {"at": "{% $item %}"},
            "tolerate": 3,
        },
        "other": {"task": "other", "needs": ["list"], "input": {"day": "{% $input.day %}"}},
        "report": {"task": "report", "needs": ["each", "other"], "input": {"rows": "{% $tasks.each.output %}"}},
    },
    "on_exit": {"task": "tidy_up"},
}


@pytest.fixture(params=[False, True], ids=["live", "rebuilt at every input"])
def shard(request: pytest.FixtureRequest) -> OperatedShard:
    return OperatedShard(forgetful=request.param)


def test_what_has_succeeded_is_taken_over_and_what_failed_runs_again(shard: OperatedShard) -> None:
    shard.deploy(steps)
    before = play(shard, shard.start("steps"), fail={"third"})
    assert isinstance(before[-1], WorkflowFailed)
    events = shard.retry(command_id="r1")
    started = only(events, WorkflowStarted)
    assert (started.attempt, started.command_id) == (2, "r1")
    assert started.retried is not None
    assert started.retried.run_id == only(before, WorkflowStarted).run_id
    assert reused(events) == ["first", "second"]
    assert run_names(events) == ["third"]
    ended = only(shard.complete(scheduled(events)[0], "C"), WorkflowSucceeded)
    assert ended.output == b'[["first","{}"],["second","1"],"C"]'


def test_another_input_reaches_what_depends_on_it_and_the_rest_is_kept(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps", {"day": 1}), fail={"third"})
    events = play(shard, shard.retry(input=b'{"day":2}'))
    assert reused(events) == ["first"]
    assert run_names(events) == ["second", "third"]
    assert only(events, WorkflowStarted).input == b'{"day":2}'


def test_from_a_task_on_all_runs_again(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"third"})
    events = play(shard, shard.retry(from_task="second"))
    assert reused(events) == ["first"]
    assert run_names(events) == ["second", "third"]


def test_a_task_says_what_a_retry_does_with_its_result(shard: OperatedShard) -> None:
    class Target:
        queue, priority, retry, timeout_ms, heartbeat_ms = "default", 5, None, 0, 0
        resource, units, capacity, rules = "", 0, 0, None

        def __init__(self, name: str, on_retry: str) -> None:
            self.name, self.on_retry = name, on_retry

    async def declared(ctx: Any, day: int) -> None:
        await ctx.run(Target("again", "redo"), day)
        await ctx.run(Target("kept", "keep"), day)
        await ctx.run("last")

    shard.deploy(declared)
    play(shard, shard.start("declared", {"day": 1}), fail={"last"})
    events = play(shard, shard.retry(input=b'{"day":2}'))
    assert reused(events) == ["kept"]
    assert run_names(events) == ["again", "last"]


def test_a_retry_may_be_retried(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"second"})
    play(shard, shard.retry(), fail={"third"})
    events = play(shard, shard.retry())
    assert reused(events) == ["first", "second"]
    assert run_names(events) == ["third"]
    assert only(events, WorkflowStarted).attempt == 3
    assert isinstance(events[-1], WorkflowSucceeded)


def test_what_a_retry_did_not_come_to_is_there_for_the_next_one(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"third"})

    async def stumbling(ctx: Any, day: int = 1) -> list[Any]:
        await ctx.run("before")
        return await steps(ctx, day)

    shard.deploy(stumbling, "v2", "steps")
    play(shard, shard.retry(), fail={"before"})
    events = play(shard, shard.retry())
    assert reused(events) == ["first", "second"]
    assert run_names(events) == ["before", "third"]


def test_the_fix_that_was_deployed_meanwhile_is_what_runs_unless_a_version_is_named(shard: OperatedShard) -> None:
    async def fixed(ctx: Any, day: int = 1) -> str:
        return f"{await ctx.run('first')} {await ctx.run('second', day)}"

    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"third"})
    shard.deploy(fixed, "v2", "steps")
    events = shard.retry()
    assert names(events)[-1] == "WorkflowSucceeded"
    assert reused(events) == ["first", "second"]
    shard.start("steps", workflow_id="x", command_id="c9", version="v1")
    play(shard, shard.journal[-1:], fail={"first"})
    assert only(shard.retry("x", version="v1"), WorkflowStarted).version == "v1"


def test_graphs_take_over_too_and_always_run_their_exit(shard: OperatedShard) -> None:
    shard.deploy(BRANCHES)
    events = list(shard.start("branches", {"day": 1}))
    events += shard.complete(scheduled(events)[0], [10, 20, 30])
    for task in scheduled(events)[1:]:
        answer = shard.fail if task.index == 1 else shard.complete
        events += answer(task)
    report = scheduled(events)[-1]
    assert report.task == "report"
    tidy = only(shard.fail(report), TaskScheduled)
    assert tidy.task == "tidy_up"
    assert isinstance(shard.complete(tidy)[-1], WorkflowFailed)
    events = play(shard, shard.retry())
    assert sorted(reused(events)) == ["list", "measure", "measure", "other"]
    assert run_names(events) == ["measure", "report", "tidy_up"]
    assert isinstance(events[-1], WorkflowSucceeded)


def test_a_graph_s_task_says_what_a_retry_does_with_its_result(shard: OperatedShard) -> None:
    graph = {
        "apiVersion": "headrace/v1",
        "name": "declared",
        "tasks": {
            "a": {"task": "again", "on_retry": "redo"},
            "b": {"task": "kept", "needs": ["a"], "on_retry": "keep", "input": "{% $tasks.a.output %}"},
            "c": {"task": "last", "needs": ["b"]},
        },
    }
    shard.deploy(graph)
    first = shard.start("declared")
    second = shard.complete(scheduled(first)[0], 1)
    third = shard.complete(scheduled(second)[0], 2)
    shard.fail(scheduled(third)[0])
    events = shard.retry()
    assert run_names(events) == ["again"]
    events = shard.complete(scheduled(events)[0], "another result")
    assert reused(events) == ["kept"]
    assert run_names(events) == ["last"]


def test_branches_find_their_results_in_whatever_order_they_ask(shard: OperatedShard) -> None:
    async def branches(ctx: Any) -> list[Any]:
        async def branch(at: int) -> Any:
            return await ctx.run("two", await ctx.run("one", at))

        found = list(await ctx.gather(*(branch(at) for at in range(3))))
        await ctx.run("last")
        return found

    shard.deploy(branches)
    first = scheduled(shard.start("branches"))
    second = [task for at in (2, 0, 1) for task in scheduled(shard.complete(first[at], f"one {at}"))]
    second.sort(key=lambda task: task.input)
    last = [
        task
        for at in (1, 0, 2)
        for task in scheduled(shard.complete(second[at], f"two of {json.loads(second[at].input)}"))
    ]
    shard.fail(last[0])
    events = shard.retry()
    assert run_names(events) == ["last"]
    assert len(reused(events)) == 6
    ended = only(shard.complete(scheduled(events)[0]), WorkflowSucceeded)
    assert json.loads(ended.output) == [f"two of one {at}" for at in range(3)]


def test_the_order_of_what_is_taken_over_and_all_that_is_random_stay(shard: OperatedShard) -> None:
    drawn: list[list[Any]] = []

    async def chancy(ctx: Any) -> None:
        seen: list[Any] = []
        drawn.append(seen)

        async def slow() -> None:
            await ctx.run("slow")
            seen.append(("slow", str(ctx.uuid())))
            await ctx.run("after_slow", str(ctx.uuid()))

        async def quick() -> None:
            for at in range(3):
                await ctx.run("quick", at)
                seen.append((at, str(ctx.uuid())))

        await ctx.gather(slow(), quick())
        await ctx.run("last")

    shard.deploy(chancy)
    slow, quick = scheduled(shard.start("chancy"))
    for _ in range(3):
        found = scheduled(shard.complete(quick, 0))
        quick = found[0] if found else quick
    after = only(shard.complete(slow), TaskScheduled)
    last = only(shard.complete(after), TaskScheduled)
    shard.fail(last)
    before = drawn[-1]
    events = shard.retry()
    assert run_names(events) == ["last"]
    assert drawn[-1] == before
    assert [entry[0] for entry in before] == [0, 1, 2, "slow"]


def test_timers_that_fired_signals_and_notes_are_taken_over(shard: OperatedShard) -> None:
    called: list[int] = []

    def count() -> int:
        called.append(1)
        return len(called)

    async def various(ctx: Any) -> list[Any]:
        await ctx.sleep("1h")
        noted = ctx.memo(count)
        way = ctx.version("way", 1, 2)
        signal = await ctx.receive("go")
        other = await ctx.receive("go")
        await ctx.run("last")
        return [noted, way, signal, other]

    shard.deploy(various)
    shard.start("various")
    for number, word in enumerate(("one", "two")):
        shard.command(
            SignalWorkflow(command_id=f"s{number}", workflow_id="w", issued_at=0, name="go", data=f'"{word}"'.encode())
        )
    task = only(shard.tick(shard.now_ms + 3_600_000), TaskScheduled)
    shard.fail(task)
    calls = len(called)
    events = shard.retry()
    assert sorted(reused(events)) == ["go", "go", "timer"]
    assert run_names(events) == ["last"]
    assert len(called) == calls
    assert only(shard.complete(scheduled(events)[0]), WorkflowSucceeded).output == b'[1,2,"one","two"]'


def test_a_timer_that_ended_the_run_is_waited_for_again(shard: OperatedShard) -> None:
    async def impatient(ctx: Any) -> Any:
        await ctx.run("first")
        return await ctx.receive("approval", timeout="1h")

    shard.deploy(impatient)
    shard.complete(only(shard.start("impatient"), TaskScheduled))
    assert isinstance(shard.tick(shard.now_ms + 3_600_000)[-1], WorkflowFailed)
    events = shard.retry()
    assert reused(events) == ["first"]
    assert only(events, TimerStarted).due_at == shard.now_ms + 3_600_000


def test_children_that_succeeded_are_taken_over(shard: OperatedShard) -> None:
    family = {
        **PARENT,
        "tasks": {"kid": {"workflow": "chain"}, "after": {"task": "after", "needs": ["kid"]}},
    }
    shard.deploy(CHAIN)
    shard.deploy(family, "v1", "parent")
    request = only(shard.start("parent"), ChildRequested)
    found = play(shard, shard.hear(request))
    after = only(shard.hear(only(found, WorkflowSucceeded)), TaskScheduled)
    shard.fail(after)
    events = shard.retry()
    assert reused(events) == ["chain"]
    assert run_names(events) == ["after"]


def test_what_was_undone_runs_again(shard: OperatedShard) -> None:
    async def saga(ctx: Any) -> None:
        await ctx.run("reserve")
        ctx.compensate("release")
        await ctx.run("charge")

    shard.deploy(saga)
    events = play(shard, shard.start("saga"), fail={"charge"})
    assert run_names(events) == ["reserve", "charge", "release"]
    events = play(shard, shard.retry())
    assert reused(events) == []
    assert run_names(events) == ["reserve", "charge"]


def test_what_was_asked_for_after_the_failure_is_no_progress() -> None:
    async def tidy(ctx: Any) -> None:
        try:
            await ctx.run("create")
            await ctx.run("configure")
        except TaskFailed:
            await ctx.run("mail", "it failed")
            raise

    shard = OperatedShard()
    shard.deploy(tidy)
    play(shard, shard.start("tidy"), fail={"configure"})
    events = play(shard, shard.retry(), fail={"configure"})
    assert reused(events) == ["create"]
    assert run_names(events) == ["configure", "mail"]


def test_a_cancelled_one_can_be_retried(shard: OperatedShard) -> None:
    shard.deploy(steps)
    second = only(shard.complete(only(shard.start("steps"), TaskScheduled)), TaskScheduled)
    assert isinstance(shard.cancel()[-1], WorkflowCancelled)
    events = shard.retry()
    assert reused(events) == ["first"]
    assert run_names(events) == [second.task]


def test_a_terminated_one_can_be_retried(shard: OperatedShard) -> None:
    shard.deploy(steps)
    shard.complete(only(shard.start("steps"), TaskScheduled))
    shard.terminate()
    assert reused(shard.retry()) == ["first"]


def test_there_must_be_something_to_retry(shard: OperatedShard) -> None:
    shard.deploy(steps)
    assert only(shard.retry(), CommandRefused).error == "headrace.NotFound"
    play_on = shard.start("steps")
    running = only(shard.retry(), CommandRefused)
    assert (running.error, "RUNNING" in running.cause) == ("headrace.NothingToRetry", True)
    play(shard, play_on)
    done = only(shard.retry(), CommandRefused)
    assert (done.error, "succeeded" in done.cause) == ("headrace.NothingToRetry", True)


def test_what_it_begins_from_must_be_a_task_that_was_asked_for(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"first"})
    refused = only(shard.retry(from_task="nowhere"), CommandRefused)
    assert refused.error == "headrace.UnknownTask"
    assert "nowhere" in refused.cause


def test_an_input_that_is_no_json_and_an_unknown_version_are_refused(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"first"})
    assert only(shard.retry(input=b"{"), CommandRefused).error == "headrace.InvalidInput"
    assert only(shard.retry(version="v9"), CommandRefused).error == "headrace.UnknownDefinition"
    assert not [event for event in shard.journal if isinstance(event, StartRefused)]


def three_that_failed(limits: Limits) -> OperatedShard:
    shard = OperatedShard(limits=limits)
    shard.deploy(steps)
    for at in range(3):
        play(shard, shard.start("steps", workflow_id=f"w{at}", command_id=f"c{at}"), fail={"first"})
        shard.checkpoint()
    return shard


def test_what_is_kept_for_a_retry_is_bounded_by_number() -> None:
    shard = three_that_failed(Limits(retry_limit=1))
    assert list(shard.state.failed) == ["w2"]
    assert only(shard.retry("w0"), CommandRefused).error == "headrace.RecordForgotten"
    assert only(shard.retry("w2"), WorkflowStarted).attempt == 2
    assert list(shard.state.failed) == []


def test_what_is_kept_for_a_retry_is_bounded_by_size() -> None:
    record = three_that_failed(Limits()).state.failed.get("w0")
    assert record is not None
    assert list(three_that_failed(Limits(retry_bytes=2 * len(record) + 1)).state.failed) == ["w1", "w2"]
    assert list(three_that_failed(Limits(retry_bytes=len(record) - 1)).state.failed) == []


def test_what_is_kept_for_a_retry_is_forgotten_in_time() -> None:
    shard = OperatedShard(limits=Limits(retry_keep_ms=1_000))
    shard.deploy(steps)
    for at in range(2):
        shard.now_ms += 2_000
        play(shard, shard.start("steps", workflow_id=f"w{at}", command_id=f"c{at}"), fail={"first"})
    assert list(shard.state.failed) == ["w1"]


def test_the_same_command_retries_once(shard: OperatedShard) -> None:
    shard.deploy(steps)
    play(shard, shard.start("steps"), fail={"first"})
    again = shard.retry(command_id="r")
    assert shard.retry(command_id="r") == []
    play(shard, again, fail={"first"})
    assert shard.retry(command_id="r") == []
    play(shard, shard.retry(command_id="r2"), fail={"first"})
    assert shard.retry(command_id="r") == []


def test_a_long_one_is_taken_over_in_bounded_parts() -> None:
    async def long(ctx: Any, count: int) -> int:
        for at in range(count):
            await ctx.run("one", at)
        await ctx.run("last")
        return count

    shard = OperatedShard(limits=Limits(decision_bytes=20_000), replays=False)
    shard.deploy(long)
    play(shard, shard.start("long", {"count": 300}), fail={"last"})
    events = shard.retry()
    parts = 1
    while shard.decider.has_pending(shard.state):
        shard.take_over()
        events += shard.resume()
        parts += 1
    assert parts > 3
    assert len(reused(events)) == 300
    assert run_names(events) == ["last"]
    shard.take_over()
    assert only(shard.complete(scheduled(events)[0]), WorkflowSucceeded).output == b"300"


def test_one_that_was_stuck_and_terminated_is_retried_with_the_fix() -> None:
    async def parted(ctx: Any, day: int = 1) -> None:
        await ctx.run("other")

    shard = OperatedShard()
    shard.deploy(steps)
    first = only(shard.start("steps"), TaskScheduled)
    shard.definitions.functions[b"steps@v1"] = parted
    shard.new_process()
    shard.complete(first)
    shard.terminate()
    refused = only(shard.retry(), CommandRefused)
    assert refused.error == "headrace.ReplayMismatch"
    assert "cannot be told" in refused.cause
    shard.deploy(steps, "v2")
    events = shard.retry()
    assert reused(events) == ["first"]
    assert run_names(events) == ["second"]
