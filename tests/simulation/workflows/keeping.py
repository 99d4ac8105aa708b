"""Python workflows that go on for long: loops, runs that begin anew, notes, signals to themselves, children that are
left alone, and what undoes all that.
"""

from __future__ import annotations

from random import Random
from typing import Any

from headrace.engine.programs.python.errors import StepFailed
from tests.simulation.workflows.tasks import TARGETS

NAME = "keep"
LOOP_STEPS = 3
"""A loop goes on with its state after so few steps here, so that it often does."""
UNDO = "flaky"
_calls = [0]


def begin_anew() -> None:
    """Begin to count calls again: what a world comes to must not depend on those before it."""
    _calls[0] = 0


def _number() -> int:
    """Return another number at each call, which only its record can repeat."""
    _calls[0] += 1
    return _calls[0]


async def keep(ctx: Any, n: int, plan: list[list[Any]], found: list[Any] | None = None) -> list[Any]:
    """Go through a plan, one entry per iteration; a failure becomes a value."""
    ctx.search(n=n, left=len(plan))
    before = [str(ctx.uuid()), ctx.now.isoformat(), ctx.memo(_number), ctx.version("way", 1, 2)]
    async for state in ctx.loop({"at": 0, "found": found or [], "before": before}):
        if state["before"] != before:
            raise AssertionError(f"Expected what came before the loop to stay {before}, but found {state['before']}")
        if state["at"] == len(plan):
            break
        what, *rest = plan[state["at"]]
        state["at"] += 1
        try:
            state["found"] += await _entry(ctx, n, what, rest)
        except StepFailed as failure:
            state["found"].append({"error": failure.error})
        if what == "again":
            await ctx.continue_as_new(n=n, plan=plan[state["at"] :], found=state["found"])
    return list(state["found"])


async def _entry(ctx: Any, n: int, what: str, rest: list[Any]) -> list[Any]:
    """Do what one entry says; return what it comes to."""
    match what:
        case "run":
            return [await ctx.run(TARGETS[rest[0]], {"n": n, "k": rest[1]})]
        case "reserve":
            reserved = await ctx.run(TARGETS[rest[0]], {"n": n, "k": rest[1]})
            ctx.compensate(TARGETS[UNDO], {"undo": rest[1]})
            return [reserved]
        case "undo":
            await ctx.undo()
        case "note":
            ctx.publish("number", rest[0])
            first, second = ctx.memo(_number, name="number"), ctx.random.random()
            await ctx.sleep(0.1)
            return [rest[0] if first is not None and second is not None else None]
        case "tell":
            await ctx.signal(ctx.workflow_id, "own", rest[0])
        case "hear":
            return [await ctx.receive("own")]
        case "beside":
            ctx.child("leaf", n=n, parent_close=rest[0])
            await ctx.sleep(0.1)
        case "again":
            await ctx.sleep(0.1)
        case "raise":
            raise ValueError("as planned")
    return []


def random_keeping(random: Random, tasks: list[str]) -> list[list[Any]]:
    """Return a plan in which nothing is heard that was not told before."""
    plan: list[list[Any]] = []
    told = 0
    open_compensations = False
    for at in range(random.randint(2, 14)):
        kinds = ["run", "run", "note", "tell", "beside", "reserve"]
        kinds += ["again"] * (not open_compensations) + ["hear"] * (2 * told) + ["undo"] * open_compensations
        what = random.choice(kinds)
        match what:
            case "run" | "reserve":
                plan.append([what, random.choice(tasks), at])
                open_compensations = open_compensations or what == "reserve"
            case "note" | "tell":
                plan.append([what, at])
                told += what == "tell"
            case "beside":
                plan.append([what, random.choice(("cancel", "terminate", "abandon"))])
            case "undo":
                plan.append([what])
                open_compensations = False
            case _:
                plan.append([what])
                told -= what == "hear"
    if random.random() < 0.3:
        plan.append(["raise"])
    return plan
