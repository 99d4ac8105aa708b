"""What is played so that a decision shard's journal holds every event of signals, callbacks and attaching."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_commands import CompleteCallback, HeartbeatCallback, SignalWorkflow
from headrace.contracts.wait_events import AttachRequested, SignalRequested, StepAnswered, StepCancelled
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard, only


async def receiving(ctx: Any, count: int) -> list[Any]:
    """Receive some signals."""
    return [await ctx.receive("order", timeout="1h") for _ in range(count)]


async def attaching(ctx: Any, to: str) -> Any:
    """Wait for another workflow."""
    return await ctx.attach(to)


async def sending(ctx: Any, to: str) -> Any:
    """Send a signal."""
    return await ctx.signal(to, "order", {"from": ctx.workflow_id})


async def calling(ctx: Any) -> Any:
    """Give a token away and wait for it."""
    callback = ctx.callback(timeout="1d", heartbeat="1h")
    await ctx.run("ask", callback.token)
    return await callback


async def working(ctx: Any) -> Any:
    """Run a task."""
    return await ctx.run("one")


def waits() -> list[Message]:
    """Play a shard of its own: its runs are called otherwise than those of the others."""
    shard = DecisionShard(receiving, attaching, sending, calling, working, limits=Limits(decision_bytes=600))
    shard.start("receiving", {"count": 4}, workflow_id="receiving-1")
    shard.command(_signal("receiving-1", "s1"))
    shard.hear(
        only(
            shard.hear(only(shard.start("sending", {"to": "receiving-1"}, workflow_id="sending-1"), SignalRequested)),
            StepAnswered,
        )
    )
    shard.command(_signal("nobody", "s2"))
    _callbacks(shard)
    _attached(shard)
    return shard.journal


def _callbacks(shard: DecisionShard) -> None:
    for number in range(3):
        workflow_id = f"calling-{number}"
        task = only(shard.start("calling", workflow_id=workflow_id), TaskScheduled)
        token = msgspec.json.decode(task.input)
        head: dict[str, Any] = {"workflow_id": workflow_id, "issued_at": 0, "token": token}
        shard.complete(task)
        shard.command(HeartbeatCallback(**head, command_id=f"h{number}"))
        if number == 1:
            shard.command(CompleteCallback(**head, command_id=f"k{number}", output=b"7"))
        elif number == 2:
            shard.cancel(workflow_id)


def _attached(shard: DecisionShard) -> None:
    task = only(shard.start("working", workflow_id="working-1"), TaskScheduled)
    for number in range(5):
        asked = shard.start("attaching", {"to": "working-1"}, workflow_id=f"attaching-{number}")
        shard.hear(only(asked, AttachRequested))
    shard.hear(only(shard.terminate("attaching-4"), StepCancelled))
    # Not all of them are told in the same decision: the rest waits.
    shard.complete(task, {"rows": 3})


def _signal(workflow_id: str, command_id: str) -> SignalWorkflow:
    return SignalWorkflow(command_id=command_id, workflow_id=workflow_id, issued_at=0, name="order", data=b"[1]")
