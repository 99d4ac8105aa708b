"""Waiting for a workflow, with a clock of the test's own: when it ends, with what, and how often it asks."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.client.errors import NotReachable, StartRefused, TimedOut, WorkflowFailed
from headrace.client.reads import AWAY_S, END_S, FRESH_S, LONGEST_PAUSE_S
from headrace.client.waiting import Waiting

RUNNING = {"status": "RUNNING", "attempt": 1}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def waiting(
    timeout_s: float | None = None,
    clock: Clock | None = None,
    *,
    position: str = "0:7",
    command_id: str = "c-1",
    watch: bool = False,
) -> Waiting:
    chosen = clock or Clock()
    return Waiting("w-1", position=position, command_id=command_id, timeout_s=timeout_s, watch=watch, clock=chosen)


def test_success_ends_the_wait() -> None:
    wait = waiting()
    assert not wait.saw(RUNNING)
    assert wait.saw({"status": "SUCCEEDED", "attempt": 1, "output": 5})


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT", "STUCK"])
def test_any_other_end_is_an_error_that_carries_its_reason(status: str) -> None:
    with pytest.raises(WorkflowFailed) as caught:
        waiting().saw({"status": status, "attempt": 1, "error": "ValueError", "cause": "no water"})
    error = caught.value
    assert (error.status, error.error, error.cause) == (status, "ValueError", "no water")
    assert str(error) == f"Expected w-1 to succeed, but it is {status}: ValueError: no water"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "FAILED", "attempt": 0, "error": "headrace.UnknownDefinition", "cause": "no mill"},
        {
            **RUNNING,
            "refusals": [
                {"command_id": "c-0", "error": "x", "cause": "y"},
                {"command_id": "c-1", "error": "headrace.UnknownDefinition", "cause": "no mill"},
            ],
        },
    ],
)
def test_a_refused_start_is_told_from_a_failed_workflow(answer: dict[str, Any]) -> None:
    with pytest.raises(StartRefused) as caught:
        waiting().saw(answer)
    assert (caught.value.error, caught.value.cause) == ("headrace.UnknownDefinition", "no mill")


def test_a_refusal_of_another_command_is_none_of_ours() -> None:
    assert not waiting().saw({**RUNNING, "refusals": [{"command_id": "c-0", "error": "x", "cause": "y"}]})
    assert not waiting(command_id="").saw({**RUNNING, "refusals": [{"command_id": "", "error": "x", "cause": "y"}]})


def test_time_is_over_only_for_what_runs() -> None:
    clock = Clock()
    wait = waiting(60, clock)
    clock.now += 61
    assert wait.saw({"status": "SUCCEEDED", "attempt": 1})
    with pytest.raises(TimedOut, match="Expected w-1 to end within 60 s, but it is RUNNING"):
        wait.saw(RUNNING)


def test_questions_ask_for_an_answer_after_the_start_and_no_longer_than_there_is_time() -> None:
    clock = Clock()
    wait = waiting(5, clock)
    assert wait.question() == ("/api/v1/workflows/w-1", {"after": "0:7", "timeout": "5"})
    assert wait.question() == ("/api/v1/workflows/w-1", {"after": "0:7", "timeout": "5", "wait": "5"})
    clock.now += 5.5
    assert wait.question()[1] == {"after": "0:7", "timeout": "0"}


@pytest.mark.parametrize(
    ("position", "watch", "expected"),
    [
        ("0:7", False, {"after": "0:7", "timeout": f"{FRESH_S:g}", "wait": f"{END_S:g}"}),
        ("", False, {"wait": f"{END_S:g}"}),
        ("0:7", True, {"after": "0:7", "timeout": f"{FRESH_S:g}"}),
        ("", True, {}),
    ],
)
def test_all_but_the_first_answer_may_be_held_back_until_the_end(
    position: str, watch: bool, expected: dict[str, str]
) -> None:
    wait = waiting(position=position, watch=watch)
    assert "wait" not in wait.question()[1]
    assert wait.question()[1] == expected


def test_a_read_api_that_is_away_is_waited_for_but_not_for_ever() -> None:
    clock = Clock()
    wait = waiting(clock=clock)
    error = NotReachable("gone")
    wait.away(error)
    clock.now += AWAY_S - 1
    wait.away(error)
    assert not wait.saw(RUNNING)
    clock.now += AWAY_S - 1
    wait.away(error)
    clock.now += AWAY_S
    with pytest.raises(NotReachable, match="gone"):
        wait.away(error)


def test_with_a_time_out_only_that_counts() -> None:
    clock = Clock()
    wait = waiting(AWAY_S * 3, clock)
    error = NotReachable("gone")
    wait.away(error)
    clock.now += AWAY_S * 2
    wait.away(error)
    clock.now += AWAY_S
    with pytest.raises(NotReachable):
        wait.away(error)


def test_pauses_grow_to_a_limit_and_never_past_the_end() -> None:
    wait = waiting()
    pauses = [wait.pause_s() for _ in range(30)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    clock = Clock()
    short = waiting(0.01, clock)
    assert short.pause_s() == pytest.approx(0.01)
    clock.now += 1
    assert short.pause_s() == 0
