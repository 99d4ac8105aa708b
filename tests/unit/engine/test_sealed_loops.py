"""Where keys are set, a workflow that goes on with a smaller record carries nothing readable along."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.codec import Codec
from headrace.contracts.record_events import WorkflowContinued
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowCancelled, WorkflowSucceeded
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard, only
from tests.unit.engine.test_sealed import SEALING, SECRET, answered, start

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


def shard(*workflows: Any, forgetful: bool) -> DecisionShard:
    """Return a shard with keys on which loops go on anew after a few steps."""
    return DecisionShard(*workflows, limits=Limits(loop_steps=2), sealing=SEALING, forgetful=forgetful)


def readable(one: DecisionShard) -> bool:
    """Tell whether the secret stands anywhere in the journal."""
    return any(SECRET in Codec().encode(event) for event in one.journal)


@BOTH
@pytest.mark.parametrize("kind", ["loop", "anew"])
def test_nothing_readable_goes_along(kind: str, forgetful: bool) -> None:
    async def loop(ctx: Any, card: str) -> str:
        async for state in ctx.loop({"card": card, "at": 0}):
            if state["at"] == 6:
                break
            await ctx.run("charge", state["card"])
            state["at"] += 1
        return str(state["card"])

    async def anew(ctx: Any, card: str, at: int = 0) -> str:
        await ctx.run("charge", card)
        if at < 5:
            await ctx.continue_as_new(card=card, at=at + 1)
        return card

    one = shard(loop, anew, forgetful=forgetful)
    events = start(one, kind)
    for _ in range(6):
        events = answered(one, only(events, TaskScheduled))
    ended = SEALING.opened(only(events, WorkflowSucceeded))
    assert msgspec.json.decode(ended.output) == SECRET.decode()
    assert any(isinstance(event, WorkflowContinued) for event in one.journal)
    assert not readable(one)


@BOTH
def test_the_reason_of_a_cancelled_workflow_names_what_could_not_be_undone_and_no_more(forgetful: bool) -> None:
    async def saga(ctx: Any, card: str) -> None:
        ctx.compensate("refund", card)
        await ctx.run("charge", card)

    one = shard(saga, forgetful=forgetful)
    start(one, "saga")
    refund = only(one.cancel(), TaskScheduled)
    ended = one.fail(refund, "Gone", cause=SEALING.sealed_text(f"no {SECRET.decode()}", "w"))
    assert only(ended, WorkflowCancelled).reason == "enough; compensation refund failed: Gone"
    assert not readable(one)
