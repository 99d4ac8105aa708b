"""Workflows that are retried, and what is read from the events of that."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from headrace.contracts.control_events import StepReused
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from tests.unit.engine.versions import OperatedShard


def reused(events: list[Message]) -> list[str]:
    return [event.task or event.kind for event in events if isinstance(event, StepReused)]


def scheduled(events: list[Message]) -> list[TaskScheduled]:
    return [event for event in events if isinstance(event, TaskScheduled)]


def play(shard: OperatedShard, events: list[Message], fail: AbstractSet[str] = frozenset()) -> list[Message]:
    """Answer all tasks, and what follows from that: a task gives its name and input. Return all events."""
    todo, seen = scheduled(events), list(events)
    while todo:
        task = todo.pop(0)
        found = shard.fail(task) if task.task in fail else shard.complete(task, [task.task, task.input.decode()])
        while shard.decider.has_pending(shard.state):
            found += shard.resume()
        todo += scheduled(found)
        seen += found
    return seen


def run_names(events: list[Message]) -> list[str]:
    return [task.task for task in scheduled(events)]


async def steps(ctx: Any, day: int = 1) -> list[Any]:
    """Three tasks, of which the second depends on the input."""
    first = await ctx.run("first")
    second = await ctx.run("second", day)
    third = await ctx.run("third", second)
    return [first, second, third]
