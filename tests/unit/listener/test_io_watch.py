"""What is usual, when a run leaves it, and that the relay says so once, whatever happens to it."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts import topics
from headrace.contracts.io_accounts import DatasetIo, IoOutOfRange, TaskIo
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskSucceeded
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowSucceeded
from headrace.runtime.listener_settings import ListenerSettings
from headrace_listener.relay.io_watch import IoWatch, usual_range
from headrace_listener.relay.memory import MemoryOutput, Outcome
from tests.unit.listener.journals import events_in, succeeded
from tests.unit.listener.test_relay import World

LIMITS = ListenerSettings(io_runs=6, io_runs_needed=3)


def read(run: str, rows: int, size: int = 0, dataset: str = "d", node: str = "measure") -> TaskSucceeded:
    """Return the success of an attempt that read something."""
    io = TaskIo(
        workflow="census",
        version="v1",
        input_bytes=1,
        output_bytes=1,
        datasets=[DatasetIo(dataset=dataset, rows=rows, bytes=size)],
    )
    event = succeeded(run)
    return msgspec.structs.replace(event, io=io, node=node)


def end(run: str, at: int = 9) -> WorkflowSucceeded:
    return WorkflowSucceeded(workflow_id=run, run_id=f"{run}-run", output=b"1", name="census", key="", at=at)


def told(watch: IoWatch, events: Iterable[Message]) -> list[IoOutOfRange]:
    return [alarm for event in events for alarm in watch.take(event)]


def runs(*rows: int) -> list[Message]:
    """Return runs of two attempts each, whose rows are these in all."""
    return [
        event for n, count in enumerate(rows) for event in (read(f"w-{n}", count), read(f"w-{n}", 0), end(f"w-{n}"))
    ]


@pytest.mark.parametrize(
    ("values", "usual"),
    [
        ([], None),
        ([10, 10], None),
        ([10, 10, 10], (7, 13, 10)),
        ([0, 0, 0], (0, 0, 0)),
        ([100, 110, 90], (67, 133, 100)),
        ([0, 0, 100], (0, 222, 33)),
        ([2**63 - 1] * 3, (6917529027641081856, 2**63 - 1, 2**63 - 1)),
    ],
)
def test_the_usual_range(values: list[int], usual: tuple[int, int, int] | None) -> None:
    found = usual_range(values, LIMITS)
    assert (found if found is None else tuple(found)) == usual


@given(st.lists(st.integers(0, 2**63 - 1), min_size=3, max_size=20))
def test_what_was_always_the_same_is_usual_and_ten_times_as_much_is_not(values: list[int]) -> None:
    found = usual_range([values[0]] * len(values), LIMITS)
    assert found is not None
    assert found.low <= values[0] <= found.high
    if 0 < values[0] < 2**59:
        assert not found.low <= values[0] * 10 <= found.high
    mixed = usual_range(values, LIMITS)
    assert mixed is not None
    assert 0 <= mixed.low <= mixed.high < 2**63


def test_a_run_out_of_range_is_told_with_what_it_was_compared_with() -> None:
    (alarm,) = told(IoWatch(LIMITS), runs(100, 100, 100, 200))
    assert (alarm.workflow_id, alarm.run_id, alarm.workflow, alarm.version) == ("w-3", "w-3-run", "census", "v1")
    assert (alarm.node, alarm.dataset, alarm.measure) == ("measure", "d", "rows")
    assert (alarm.value, alarm.low, alarm.high, alarm.mean, alarm.runs, alarm.at) == (200, 75, 125, 100, 3, 9)


@pytest.mark.parametrize(
    ("rows", "alarms"),
    [
        ([100, 200], []),
        ([100, 100, 100, 0], [0]),
        ([100, 100, 100, 110, 90], []),
        ([100, 100, 100, *[1000] * 6, 1000, 100], [1000, 100]),
    ],
)
def test_when_it_is_told(rows: list[int], alarms: list[int]) -> None:
    assert [alarm.value for alarm in told(IoWatch(LIMITS), runs(*rows))] == alarms


def test_only_successes_count() -> None:
    watch = IoWatch(LIMITS)
    told(watch, runs(100, 100, 100))
    event = read("w-9", 100)
    values = {name: getattr(event, name) for name in TaskFailed.__struct_fields__ if hasattr(event, name)}
    failed_attempt = TaskFailed(**{**values, "error": "ValueError"})
    assert told(watch, [failed_attempt, event, end("w-9")]) == [], "an attempt that was tried again is no alarm"
    gone = WorkflowFailed(workflow_id="w-10", run_id="w-10-run", error="E", at=1)
    assert told(watch, [read("w-10", 1), gone, end("w-10")]) == []
    assert told(watch, [end("w-11")]) == [], "who says nothing is not compared"


def test_what_is_kept_is_bounded_and_what_is_over_is_said_to_be() -> None:
    limits = ListenerSettings(io_open_runs=2, io_ranges=2, io_sums=2, io_runs_needed=2)
    watch = IoWatch(limits)
    told(watch, [read(f"w-{n}", 1) for n in range(5)])
    changed = watch.changes()
    assert sum(message is not None for message in changed.values()) == 2
    assert sum(message is None for message in changed.values()) == 3
    told(watch, [read("w-4", 1, dataset=f"d-{n}") for n in range(5)])
    told(watch, [end("w-4")])
    changed = watch.changes()
    assert len(changed) == 3, "the run is over, and two datasets of it are known"
    assert watch.changes() == {}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_life_that_begins_anywhere_with_what_was_kept_concludes_the_same(seed: int) -> None:
    chance = random.Random(seed)
    events: list[Message] = []
    for n in range(chance.randrange(30)):
        attempts = chance.randrange(4)
        events += [
            read(f"w-{n}", chance.choice([10, 10, 500]), 3, dataset=chance.choice("ab")) for _ in range(attempts)
        ]
        events.append(end(f"w-{n}"))
    chance.shuffle(events)
    limits = ListenerSettings(io_runs=4, io_runs_needed=2, io_open_runs=5, io_ranges=2)
    whole = told(IoWatch(limits), events)
    kept: dict[bytes, Message | None] = {}
    watch, found = IoWatch(limits), []
    for event in events:
        found += told(watch, [event])
        if chance.random() < 0.3:
            for key, message in watch.changes().items():
                kept.pop(key, None)
                kept[key] = message
            watch = IoWatch(limits, [message for message in kept.values() if message is not None])
    assert found == whole


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_relay_tells_each_once_whatever_becomes_of_its_transactions(seed: int) -> None:
    chance = random.Random(seed)
    outcomes = [Outcome.COMMITTED, Outcome.ABORTED, Outcome.UNREPORTED]
    world = World(
        choose=lambda: chance.choice(outcomes), transaction_events=chance.randint(1, 5), io_runs_needed=2, io_runs=3
    )
    for event in runs(10, 10, 10, 500, 10, 10, 10, 10, 10, 0):
        world.workflows.write(event)
    world.run(world.relay())
    alarms = [event for event in events_in(world.log, topics.TASK_EVENTS) if isinstance(event, IoOutOfRange)]
    assert [(alarm.workflow_id, alarm.value) for alarm in alarms] == [("w-3", 500), ("w-9", 0)]
    state = MemoryOutput(world.log, world.fence).stored().state
    assert [type(message).__name__ for message in state] == ["IoRange"]
