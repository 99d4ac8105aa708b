"""Python workflows: one function that does what its input says, so that every input is another workflow."""

from __future__ import annotations

from random import Random
from typing import Any

from headrace.engine.programs.python.errors import StepFailed
from tests.simulation.workflows.tasks import TARGETS

NAME = "script"


async def script(ctx: Any, n: int, plan: list[list[Any]], items: Any = None) -> list[Any]:
    """Go through a plan; a failure becomes a value. `items` are for graphs, where one input is given to anything."""
    found: list[Any] = []
    for what, *rest in plan:
        try:
            match what:
                case "run":
                    found.append(await ctx.run(TARGETS[rest[0]], {"n": n, "k": rest[1]}))
                case "sleep":
                    await ctx.sleep(rest[0] / 1000)
                    found.append("slept")
                case "map":
                    items = [{"n": n, "k": at} for at in range(rest[1])]
                    found.append(await ctx.map(TARGETS[rest[0]], items, concurrency=rest[2]))
                case "gather":
                    asked = [ctx.run(TARGETS[task], {"n": n, "k": at}) for at, task in enumerate(rest[0])]
                    found.append(await ctx.gather(*asked))
                case "child":
                    found.append(await ctx.child(rest[0], n=n, **rest[1]))
        except StepFailed as failure:
            found.append({"error": failure.error})
    return found


def random_plan(random: Random, tasks: list[str], depth: int = 0) -> list[list[Any]]:
    """Return a plan. Children are scripts or the graph `leaf`."""
    plan: list[list[Any]] = []
    for at in range(random.randint(1, 4)):
        what = random.choice(("run", "run", "run", "sleep", "map", "gather", "child"))
        if what == "run":
            plan.append(["run", random.choice(tasks), at])
        elif what == "sleep":
            plan.append(["sleep", random.choice((100, 900, 4_000))])
        elif what == "map":
            plan.append(["map", random.choice(tasks), random.randint(0, 5), random.choice((0, 2))])
        elif what == "gather":
            plan.append(["gather", [random.choice(tasks) for _ in range(random.randint(1, 3))]])
        elif depth < 2 and random.random() < 0.7:
            plan.append(["child", NAME, {"plan": random_plan(random, tasks, depth + 1)}])
        else:
            plan.append(["child", "leaf", {}])
    return plan
