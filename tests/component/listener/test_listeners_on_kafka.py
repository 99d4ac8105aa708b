"""`@listener` functions on a real Kafka: called, retried, given up, and never in each other's way."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from headrace.contracts import topics
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.component.listener.cluster import CODEC, Journal, app, eventually, headers_of, read, running
from tests.unit.listener.journals import scheduled, succeeded


@pytest.fixture
def journal(settings: Settings) -> Journal:
    ensure_topics(settings)
    return Journal(settings, topics.WORKFLOW_JOURNAL)


def calls(name: str) -> list:
    return sys.modules[name].calls


def write(journal: Journal, *names: str) -> None:
    for name in names:
        journal.write(succeeded(name))
    journal.flush()


def test_a_listener_gets_what_it_asks_for_from_now_on(settings: Settings, journal: Journal, tmp_path: Path) -> None:
    file = app(
        tmp_path,
        "app_asks",
        "@listener(events=['TaskSucceeded'], where=\"$event.workflow_id = 'wanted'\")\n"
        "def tell(event): calls.append((event.workflow_id, event.output, event.id))\n"
        "@listener(events=['TaskScheduled', 'TaskSucceeded'], start='earliest')\n"
        "async def everything(event): calls.append(event.type)\n",
    )
    write(journal, "wanted")
    with running(settings):
        eventually(lambda: read(settings, topics.TASK_EVENTS), "the event from before")
    with running(settings, file):
        journal.write(scheduled("wanted"))
        write(journal, "other", "wanted")
        told = eventually(lambda: [c for c in calls("app_asks") if isinstance(c, tuple)], "the call")
        assert told == [("wanted", {"lines": 3}, "workflow.journal/0/4/0")]
        eventually(lambda: sorted(map(str, calls("app_asks")))[-4:] == ["TaskScheduled"] + ["TaskSucceeded"] * 3, "all")


def test_a_position_is_kept_over_restarts(settings: Settings, journal: Journal, tmp_path: Path) -> None:
    file = app(
        tmp_path, "app_restarts", "@listener(events=['TaskSucceeded'])\ndef tell(event): calls.append(event.key)\n"
    )
    with running(settings, file):
        write(journal, "w-1")
        eventually(lambda: calls("app_restarts") == ["w-1"], "the first")
    write(journal, "w-2")
    with running(settings, file):
        write(journal, "w-3")
        eventually(lambda: len(calls("app_restarts")) >= 3, "the others")
    assert sorted(calls("app_restarts")) == ["w-1", "w-2", "w-3"]


def test_a_failing_listener_is_tried_again_and_then_gives_up(
    settings: Settings, journal: Journal, tmp_path: Path
) -> None:
    file = app(
        tmp_path,
        "app_fails",
        "@listener(events=['TaskSucceeded'], retry=Retry(schedule=['10ms', '10ms']))\n"
        "def tell(event):\n"
        "    calls.append(event.key)\n"
        "    failing = event.key == 'bad' or (event.key == 'flaky' and calls.count('flaky') < 2)\n"
        "    if failing: raise ValueError('no ' + event.key)\n"
        "@listener(events=['TaskSucceeded'])\n"
        "def leaves(event):\n"
        "    if event.key == 'bad': raise NonRetryable('for good')\n",
    )
    with running(settings, file):
        write(journal, "bad", "flaky", "good")
        eventually(lambda: len(calls("app_fails")) == 6, "all calls")
        eventually(lambda: len(read(settings, topics.DEAD_LETTERS)) == 2, "two dead letters")
    letters = read(settings, topics.DEAD_LETTERS)
    assert Counter(calls("app_fails")) == {"bad": 3, "flaky": 2, "good": 1}
    by_listener = {headers_of(letter)["listener"]: letter for letter in letters}
    headers = headers_of(by_listener["tell"])
    assert (headers["error"], headers["attempts"], headers["topic"]) == ("ValueError", "3", "task.events")
    assert "ValueError: no bad" in headers["reason"] and headers["ce_id"] == "workflow.journal/0/1/0"
    assert headers_of(by_listener["leaves"])["attempts"] == "1"
    assert CODEC.decode(by_listener["tell"].value()) == succeeded("bad")
    states = [CODEC.decode(record.value()) for record in read(settings, topics.LISTENER_STATES)]
    last = next(state for state in reversed(states) if state.name == "tell")
    assert (last.handled, last.failures, last.dead_letters, last.lag) == (2, 4, 1, 0)
    assert last.last_error in ("ValueError: no flaky", "ValueError: no bad")


def test_a_listener_that_hangs_holds_up_nobody_else(settings: Settings, journal: Journal, tmp_path: Path) -> None:
    file = app(
        tmp_path,
        "app_hangs",
        "import threading, asyncio\n"
        "gate = threading.Event()\n"
        "@listener(events=['TaskSucceeded'])\n"
        "def hangs(event): gate.wait(60); calls.append('late')\n"
        "@listener(events=['TaskSucceeded'])\n"
        "async def hangs_too(event):\n"
        "    while not gate.is_set(): await asyncio.sleep(0.01)\n"
        "@listener(events=['TaskSucceeded'])\n"
        "def exits(event): raise SystemExit(3)\n"
        "@listener(events=['TaskSucceeded'])\n"
        "async def quick(event): calls.append(event.key)\n",
    )
    with running(settings, file):
        write(journal, "w-1", "w-2")
        eventually(lambda: sorted(calls("app_hangs")) == ["w-1", "w-2"], "both events at the quick one")
        sys.modules["app_hangs"].gate.set()
        eventually(lambda: calls("app_hangs").count("late") == 2, "both events at the slow one")
