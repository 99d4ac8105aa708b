"""Random graphs."""

from __future__ import annotations

from random import Random
from typing import Any

RUN_IFS = ("all_succeeded", "none_failed", "all_done", "any_failed")
LEAF = {
    "apiVersion": "headrace/v1",
    "name": "leaf",
    "tasks": {"a": {"task": "echo", "input": {"n": "{% $input.n %}"}}},
    "output": "{% $tasks.a.output %}",
}
_TRAP = {"task": "echo", "input": {"n": "{% $input.n %}"}}
TRAPS: dict[str, dict[str, dict[str, Any]]] = {
    "trap_after_result": {"a": _TRAP, "trap": {**_TRAP, "needs": ["a"]}},
    "trap_after_lease": {"a": _TRAP, "trap": {**_TRAP, "needs": ["a"], "resource": {"name": "oven", "units": 1}}},
    "trap_after_sleep": {"a": {"sleep": "200ms"}, "trap": {**_TRAP, "needs": ["a"]}},
    "trap_at_once": {"trap": _TRAP},
    "trap_in_child": {"a": {"workflow": "trap_at_once", "input": {"n": "{% $input.n %}"}}, "b": _TRAP},
}
"""Tasks of graphs in which the fold refuses the task of the name `trap` (`tests.simulation.deciders`), by what leads
there: a command, another journal, a timer, a start, the start of a child.
"""


def trap_graph(name: str) -> dict[str, Any]:
    """Return one of the graphs with a trap."""
    return {
        "apiVersion": "headrace/v1",
        "name": name,
        "resources": {"oven": {"capacity": 3}},
        "tasks": TRAPS[name],
        "output": {"n": "{% $input.n %}", **{node: f"{{% $tasks.{node}.status %}}" for node in TRAPS[name]}},
    }


def random_graph(random: Random, name: str, tasks: list[str], slots: int) -> dict[str, Any]:
    """Return an acyclic graph; its tasks stand in an order that their needs allow, and none takes more than `slots`."""
    nodes: dict[str, dict[str, Any]] = {}
    for at in range(random.randint(1, 6)):
        needs = random.sample(sorted(nodes), random.randint(0, min(2, len(nodes))))
        node: dict[str, Any] = {"needs": needs} if needs else {}
        node["run_if"] = random.choice(RUN_IFS if needs else RUN_IFS[:3])
        _work(random, node, tasks)
        if "task" in node:
            _rules(Random(f"{name} {at} {node['task']}"), node, slots)
        if random.random() < 0.1:
            node["when"] = False
        if random.random() < 0.2:
            node["significant"] = False
        nodes[f"t{at}"] = node
    document: dict[str, Any] = {
        "apiVersion": "headrace/v1",
        "name": name,
        "resources": {"press": {"capacity": 1}, "oven": {"capacity": 3}, "hall": {"capacity": 50}},
        "tasks": nodes,
        "output": {"n": "{% $input.n %}", **{node: f"{{% $tasks.{node}.status %}}" for node in nodes}},
    }
    if random.random() < 0.3:
        document["on_exit"] = {"task": random.choice(("echo", "flaky")), "retry": _retry(random)}
    if random.random() < 0.15:
        document["timeout"] = random.choice(("2s", "20s"))
    return document


def _work(random: Random, node: dict[str, Any], tasks: list[str]) -> None:
    chance = random.random()
    if chance < 0.08:
        node["sleep"] = random.choice(("200ms", "3s"))
        return
    if chance < 0.18:
        node["workflow"] = "leaf"
        node["input"] = {"n": "{% $input.n %}"}
        return
    task = node["task"] = random.choice(tasks)
    node["input"] = {"n": "{% $input.n %}"}
    if random.random() < 0.25:
        node["foreach"] = "{% $input.items %}"
        node["input"] = {"n": "{% $input.n %}", "item": "{% $item %}"}
        node["tolerate"] = random.choice((0, 0, 2, 100))
        if random.random() < 0.5:
            node["concurrency"] = random.randint(1, 3)
    if random.random() < 0.6 or task in ("slow", "silent"):
        node["retry"] = _retry(random)
    if task == "slow":
        node["timeout"] = "1500ms"
    if task == "silent":
        node["heartbeat"] = "1500ms"
    if random.random() < 0.3:
        node["resource"] = random.choice(
            (
                {"name": "press", "units": 1},
                {"name": "oven", "units": random.randint(1, 3)},
                {"name": "hall", "units": 1},
            )
        )
    if random.random() < 0.3:
        node["queue"] = "night"
    if random.random() < 0.3:
        node["priority"] = random.randint(0, 9)


def _rules(random: Random, node: dict[str, Any], slots: int) -> None:
    """Order, limits and placement change when and where a task runs, never what it comes to, but for the longest waits,
    which end in a time-out. What a limit says goes by its name.
    """
    if random.random() < 0.4:
        return  # says nothing, as most tasks do
    if random.random() < 0.5:
        node["fairness_key"] = random.choice(("ant", "bee", "{% $input.n %}"))
        node["weight"] = random.choice((1, 3))
    if random.random() < 0.3:
        node["at_once"] = 2
        node["rate"] = "5/500ms"
    if random.random() < 0.4:
        node["concurrency_key"] = random.choice(("vault", "{% 'n' & $string($input.n) %}"))
        node["key_at_once"] = 1
    if random.random() < 0.2:
        node["prefer"] = "{% 'n' & $string($input.n) %}"
    if random.random() < 0.2:
        node["warn_after"] = "100ms"
    if random.random() < 0.25:
        node["slots"] = random.randint(1, slots)
    if random.random() < 0.2:
        node["require"] = {"zone": "a"}
    if random.random() < 0.1:
        node["schedule_to_start"] = "4s"
    if random.random() < 0.1:
        node["schedule_to_close"] = "9s"


def _retry(random: Random) -> dict[str, Any]:
    if random.random() < 0.5:
        return {"schedule": ["300ms", "1s"]}
    return {"max_attempts": random.randint(2, 3), "interval": "200ms"}
