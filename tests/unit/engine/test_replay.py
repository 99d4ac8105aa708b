"""Replay equals live at every step, under random histories, with live coroutines and with rebuilt ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.control_commands import PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.evolve.workflow import END_STATUS
from tests.unit.engine.decision_shard import DecisionShard
from tests.unit.engine.workflows import CHAIN, PARENT, RETRYING, SLEEPER, WIDE, sequence, spread

STARTS: list[tuple[str, Any]] = [
    ("chain", {}),
    ("retrying", {}),
    ("wide", {"items": [1, 2, 3]}),
    ("sleeper", {}),
    ("parent", {}),
    ("sequence", {"n": 3}),
    ("spread", {"items": [3, 1, 2]}),
]
OPERATED = {"pause": PauseWorkflow, "resume": ResumeWorkflow, "retry": RetryWorkflow}
MOVES = st.lists(
    st.tuples(st.sampled_from(["complete", "fail", "time", "cancel", "hear", *OPERATED]), st.integers(0, 9)),
    max_size=25,
)


def play(start: tuple[str, Any], moves: list[tuple[str, int]], *, forgetful: bool) -> list[Message]:
    """Return the journal of a shard on which these moves are made. The shard itself checks replay after each."""
    shard = DecisionShard(CHAIN, RETRYING, WIDE, SLEEPER, PARENT, sequence, spread, forgetful=forgetful)
    shard.start(*start)
    for move, number in moves:
        tasks = [event for event in shard.journal if isinstance(event, TaskScheduled)]
        heard = [
            event
            for event in shard.journal
            if isinstance(event, ChildRequested | ChildCancelRequested) or type(event) in END_STATUS
        ]
        due = shard.decider.due_at(shard.state)
        if move == "complete" and tasks:
            shard.complete(tasks[number % len(tasks)], number)
        elif move == "fail" and tasks:
            shard.fail(tasks[number % len(tasks)])
        elif move == "time" and due is not None:
            shard.tick(due)
        elif move == "cancel" and number == 0:
            shard.cancel()
        elif move == "hear" and heard:
            shard.hear(heard[number % len(heard)])
        elif move in OPERATED:
            shard.command(OPERATED[move](command_id=f"{move}{number}", workflow_id="w", issued_at=0))
    return shard.journal


@pytest.mark.parametrize("start", STARTS, ids=[name for name, _ in STARTS])
@given(moves=MOVES)
def test_a_rebuilt_coroutine_decides_what_the_live_one_does(
    start: tuple[str, Any], moves: list[tuple[str, int]]
) -> None:
    assert play(start, moves, forgetful=True) == play(start, moves, forgetful=False)
