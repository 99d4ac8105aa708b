"""What a decision shard costs without the log: bytes for each parked workflow, time of a restart, time of each step.

python -m benchmarks.engine_costs [--parked 100000] [--steps 10000]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace.engine.activations import Activations
from headrace.engine.budget import NoBudget
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.python.program import PythonProgram
from headrace.runtime import collector
from headrace.shard.decider import Input
from headrace.testing.definitions import InMemoryDefinitions

SLEEP = {"apiVersion": "headrace/v1", "name": "sleep", "tasks": {"nap": {"sleep": "30d"}}}
TASK = {"apiVersion": "headrace/v1", "name": "task", "tasks": {"work": {"task": "work"}}}
EACH = {
    "apiVersion": "headrace/v1",
    "name": "each",
    "tasks": {"work": {"task": "work", "foreach": "{% $input.items %}", "input": {"x": "{% $item %}"}}},
}
CHAIN_STEPS = 10
CHAIN = {
    "apiVersion": "headrace/v1",
    "name": "chain",
    "tasks": {
        f"t{at}": {"task": "work", "input": "{% $input.n %}", **({"needs": [f"t{at - 1}"]} if at else {})}
        for at in range(CHAIN_STEPS)
    },
}
START_MS = 1_700_000_000_000
CHECKPOINT_EVENTS = 20_000


async def loop(ctx: Any, n: int) -> int:
    """Run n tasks, one after the other."""
    for at in range(n):
        await ctx.run("work", at)
    return n


async def endless(ctx: Any, n: int) -> int:
    """The same in a loop that goes on with its state alone."""
    async for state in ctx.loop({"at": 0}):
        if state["at"] == n:
            break
        await ctx.run("work", state["at"])
        state["at"] += 1
    return n


async def wide(ctx: Any, n: int) -> int:
    """Run n tasks at once."""
    return len(await ctx.map("work", range(n)))


class Engine:
    """One shard whose checkpoints go into a dict. The clock stands still."""

    def __init__(self, **limits: int) -> None:
        self.definitions = InMemoryDefinitions()
        for each in (SLEEP, TASK, EACH, CHAIN, loop, endless, wide):
            self.definitions.add(each)
        self.limits = Limits(**limits)
        self.snapshot: dict[str, bytes] = {}
        self.events = 0
        self.restart()

    def restart(self) -> None:
        """Begin again from the snapshot, as a new process does."""
        activations = Activations(
            definitions=self.definitions,
            programs={
                "graph": GraphProgram(),
                "python": PythonProgram(lambda source: self.definitions.functions[source]),
            },
            budget=NoBudget(),
            limit=self.limits.live_coroutines,
        )
        self.decider = DecisionDecider(Context(shards=Shards(), limits=self.limits, activations=activations))
        self.state = self.decider.restored(sorted(self.snapshot.items()))
        self.decider.due_at(self.state)

    def decide(self, offset: int, command: Message) -> list[Message]:
        """Decide one command, and make a checkpoint when it is time."""
        item = Input(topic=WORKFLOW_COMMANDS, partition=0, offset=offset, at=START_MS, message=command)
        events = self._folded(self.decider.decide(self.state, item, START_MS))
        while self.decider.has_pending(self.state):
            events += self._folded(self.decider.resume(self.state, START_MS))
        self.decider.due_at(self.state)
        return events

    def _folded(self, decided: Iterator[Message]) -> list[Message]:
        events = []
        for event in decided:
            self.decider.evolve(self.state, event)
            events.append(event)
        self.events += len(events)
        if self.events >= CHECKPOINT_EVENTS:
            self.checkpoint()
        return events

    def checkpoint(self) -> None:
        """Take what has changed."""
        self.events = 0
        for key, value in self.decider.changes(self.state):
            if value is None:
                self.snapshot.pop(key, None)
            else:
                self.snapshot[key] = value

    def start(self, number: int, name: str, data: Any) -> list[Message]:
        """Start a workflow."""
        return self.decide(
            number,
            StartWorkflow(
                command_id=f"0f9e8d7c-6b5a-4f3e-9d2c-{number:012x}",
                workflow_id=f"order-{number:08}",
                issued_at=START_MS,
                name=name,
                input=msgspec.json.encode(data),
            ),
        )

    def complete(self, offset: int, task: TaskScheduled) -> list[Message]:
        """Answer a task."""
        return self.decide(
            offset,
            CompleteTask(
                command_id="",
                workflow_id=task.workflow_id,
                issued_at=START_MS,
                run_id=task.run_id,
                step=task.step,
                attempt=task.attempt,
                assignment=1,
                worker="worker-1",
                output=b'{"ok":true}',
                started_at=START_MS,
                ended_at=START_MS,
            ),
        )


def resident_bytes() -> int:
    """Return what the process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def parked(name: str, count: int, **limits: int) -> None:
    """Park workflows, and measure what each of them takes."""
    engine = Engine(**limits)
    engine.start(0, name, {"order": 0})
    gc.collect()
    before, began = resident_bytes(), time.process_time()
    for number in range(1, count):
        engine.start(number, name, {"order": number})
        if engine.events == 0:
            engine.snapshot.clear()  # Another process keeps it.
    spent = time.process_time() - began
    gc.collect()
    print(
        f"{name}: {(resident_bytes() - before) / count:.0f} bytes for each of {count} parked workflows, "
        f"{spent / count * 1e6:.0f} us to start one"
    )


def restart(name: str, count: int) -> None:
    """Measure how long a shard with parked workflows takes to begin again."""
    engine = Engine()
    for number in range(count):
        engine.start(number, name, {"order": number})
    engine.checkpoint()
    size = sum(len(key) + len(value) for key, value in engine.snapshot.items())
    gc.collect()
    began = time.process_time()
    engine.restart()
    spent = time.process_time() - began
    print(f"{name}: {spent:.2f} s to restore {count} parked workflows of {size / count:.0f} bytes each")


def steps(name: str, counts: list[int], **limits: int) -> None:
    """Measure what a step costs in workflows of different lengths."""
    total = max(counts)
    for count in counts:
        engine = Engine(**limits)
        offset = 0
        began = time.process_time()
        for _ in range(total // count):
            offset += 1
            data = {"n": count} if name != "each" else {"items": list(range(count))}
            todo = [event for event in engine.start(offset, name, data) if isinstance(event, TaskScheduled)]
            while todo:
                offset += 1
                todo += [e for e in engine.complete(offset, todo.pop()) if isinstance(e, TaskScheduled)]
        assert not len(engine.state.runs), "Expected all workflows to end"
        spent = time.process_time() - began
        print(f"{name}: {spent / total * 1e6:.0f} us a step in workflows of {count} steps")


def programs(count: int) -> None:
    """Measure what a step costs in a graph and in Python, in workflows that run the same tasks one after the other."""
    found = {}
    for name in ("chain", "loop", "chain", "loop"):  # the second time counts: everything is warm then
        engine, offset = Engine(), 0
        began = time.process_time()
        for _ in range(count // CHAIN_STEPS):
            offset += 1
            todo = [e for e in engine.start(offset, name, {"n": CHAIN_STEPS}) if isinstance(e, TaskScheduled)]
            while todo:
                offset += 1
                todo += [e for e in engine.complete(offset, todo.pop()) if isinstance(e, TaskScheduled)]
        found[name] = (time.process_time() - began) / count * 1e6
    print(
        f"a step in workflows of {CHAIN_STEPS}: {found['chain']:.0f} us in a graph, {found['loop']:.0f} us in Python, "
        f"{found['loop'] / found['chain'] - 1:+.0%}"
    )


def replays(name: str, count: int) -> None:
    """Measure how fast a workflow with a long record is rebuilt."""
    engine = Engine(replay_at_once=count + 1)
    offset = 1
    todo = [event for event in engine.start(0, name, {"n": count}) if isinstance(event, TaskScheduled)]
    while len(todo) + offset > 1 and offset < count:
        offset += 1
        todo += [e for e in engine.complete(offset, todo.pop()) if isinstance(e, TaskScheduled)]
    (run,) = (engine.state.runs[workflow_id] for workflow_id in list(engine.state.runs))
    engine.decider.context.activations.drop(run.run_id)
    gc.collect()
    began = time.process_time()
    engine.decider.context.activations.caught_up(run)
    spent = time.process_time() - began
    print(f"{name}: {len(run.log) / spent:.0f} recorded steps a second are replayed, of {len(run.log)}")


def _as_a_service_does(target: Callable[..., None], *arguments: Any) -> None:
    collector.tune()
    target(*arguments)


def main() -> None:
    """Measure and print, each in a process of its own: memory that another measurement freed would be used again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parked", type=int, default=100_000, help="workflows that are parked")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of the longest workflow")
    given = parser.parse_args()
    lengths = sorted({10, 100, 1_000, given.steps})
    spawn = multiprocessing.get_context("spawn")
    jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        *((parked, (name, given.parked)) for name in ("sleep", "task")),
        *((restart, (name, given.parked)) for name in ("sleep", "task")),
        *((steps, (name, lengths)) for name in ("each", "loop", "endless")),
        (programs, (given.steps,)),
        *((replays, (name, given.steps)) for name in ("loop", "wide")),
    ]
    for target, arguments in jobs:
        process = spawn.Process(target=_as_a_service_does, args=(target, *arguments))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
