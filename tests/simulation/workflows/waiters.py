"""Python workflows that wait for others: one function that does what its input says. Every wait ends by itself."""

from __future__ import annotations

from random import Random
from typing import Any

from headrace.engine.programs.python.errors import StepFailed, WaitTimedOut
from tests.simulation.workflows.tasks import TARGETS

WAITER = "waiter"
SIGNALS = ("a", "b")
UNKNOWN = "nobody"
_TIMES_MS = (100, 600, 2_500)


async def waiter(ctx: Any, n: int, plan: list[list[Any]]) -> list[list[Any]]:
    """Go through a plan. What was received stands in what is returned, in its order."""
    found: list[list[Any]] = []
    for at, (what, *rest) in enumerate(plan):
        try:
            match what:
                case "receive":
                    found.append(["got", rest[0], await ctx.receive(rest[0], timeout=rest[1] / 1000)])
                case "race":
                    found.append(await _race(ctx, n, *rest))
                case "collect":
                    await _collect(ctx, found, *rest)
                case "attach":
                    limit = rest[1] / 1000 if rest[1] else None
                    found.append(["attached", rest[0], await ctx.attach(rest[0], timeout=limit)])
                case "signal":
                    await ctx.signal(rest[0], rest[1], f"{ctx.run_id}/{at}")
                    found.append(["sent"])
                case "callback":
                    callback = ctx.callback(timeout=rest[0] / 1000, heartbeat=rest[1] / 1000 if rest[1] else None)
                    await ctx.run(TARGETS["echo"], {"n": n, "token": callback.token})
                    found.append(["completed", await callback])
        except WaitTimedOut:
            found.append(["late"])
        except StepFailed as failure:
            found.append(["failed", failure.error])
    return found


async def _race(ctx: Any, n: int, name: str, limit_ms: int) -> list[Any]:
    work = ctx.run(TARGETS["heavy"], {"n": n})
    which, value = await ctx.race(got=ctx.receive(name), ran=work, slept=ctx.sleep(limit_ms / 1000))
    return ["got", name, value] if which == "got" else [which]


async def _collect(ctx: Any, found: list[list[Any]], name: str, count: int, limit_ms: int) -> None:
    taken: list[Any] = []

    async def listen() -> None:
        while True:
            taken.append(await ctx.receive(name))

    beside = ctx.spawn(listen())
    try:
        await ctx.wait_for(lambda: len(taken) >= count, timeout=limit_ms / 1000)
    finally:
        beside.cancel()
        found.extend(["got", name, value] for value in taken)


def random_waits(random: Random, ending: list[str], waiting: list[str]) -> list[list[Any]]:
    """Return a plan. `ending` are workflows that end whatever happens, `waiting` those that may wait for this one."""
    plan: list[list[Any]] = []
    for _ in range(random.randint(1, 5)):
        what = random.choice(("receive", "receive", "race", "collect", "attach", "signal", "callback"))
        name, limit_ms = random.choice(SIGNALS), random.choice(_TIMES_MS)
        match what:
            case "receive" | "race":
                plan.append([what, name, limit_ms])
            case "collect":
                plan.append([what, name, random.randint(0, 3), limit_ms])
            case "attach" if ending and random.random() < 0.5:
                plan.append([what, random.choice(ending), 0])
            case "attach" | "signal":
                target = random.choice([*ending, *waiting, UNKNOWN])
                plan.append([what, target, limit_ms] if what == "attach" else [what, target, name])
            case "callback":
                plan.append([what, limit_ms, random.choice((0, 300))])
    return plan
