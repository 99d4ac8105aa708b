"""Every accepted command is decided exactly once, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskSucceeded
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.workflow_events import StartRefused, WorkflowStarted
from tests.support.checkers.history import History
from tests.support.checkers.workflows import ENDS


class Command(NamedTuple):
    """One command as it stands in its topic."""

    partition: int
    offset: int
    message: Message


def check_commands(history: History, commands: Iterable[Command]) -> list[str]:
    """Return what is wrong with how commands were decided. `commands` are all of the topic, duplicates included."""
    known = sorted(commands)
    return [
        *_positions(history),
        *_taken_in(history, known),
        *_starts(history, [c for c in known if isinstance(c.message, StartWorkflow)]),
        *_results(history, [c.message for c in known if isinstance(c.message, CompleteTask)]),
    ]


def _positions(history: History) -> list[str]:
    """Every input moves forward from one record that counts to the next: no input is in two of them."""
    problems = []
    for journal, decisions in history.decisions.items():
        last: dict[tuple[str, int], int] = {}
        for decision in decisions:
            for moved in decision.positions:
                where = (moved.topic, moved.partition)
                if moved.offset <= last.get(where, -1):
                    problems.append(
                        f"{journal} offset {decision.offset} decides {where} up to {moved.offset} again, "
                        f"after {last[where]}"
                    )
                last[where] = moved.offset
    return problems


def _taken_in(history: History, commands: list[Command]) -> list[str]:
    reached: dict[int, int] = {}
    for (topic, shard), decisions in history.decisions.items():
        if topic == WORKFLOW_JOURNAL:
            for decision in decisions:
                for moved in decision.positions:
                    if moved.topic == WORKFLOW_COMMANDS and moved.partition == shard:
                        reached[shard] = moved.offset
    return [
        f"command {c.message.type_name()} at {c.partition}:{c.offset} was never decided"
        for c in commands
        if c.offset > reached.get(c.partition, -1)
    ]


def _starts(history: History, commands: list[Command]) -> list[str]:
    first: dict[str, tuple[int, int]] = {}
    for command in commands:
        assert isinstance(command.message, StartWorkflow)
        first.setdefault(command.message.command_id, (command.partition, command.offset))
    problems = []
    answered: dict[str, int] = {}
    last: dict[int, int] = {}
    for place, event in history.of_type(WorkflowStarted, StartRefused):
        if event.parent is not None:
            continue
        if event.command_id not in first:
            problems.append(f"{event.type_name()} of {event.workflow_id} answers a command that nobody sent")
            continue
        answered[event.command_id] = answered.get(event.command_id, 0) + 1
        partition, offset = first[event.command_id]
        if partition == place.partition:
            if offset < last.get(partition, -1):
                problems.append(f"the start at {partition}:{offset} was decided after {last[partition]}")
            last[partition] = offset
    problems += [f"start command {one} was decided {n} times" for one, n in answered.items() if n > 1]
    problems += [f"start command {one} at {first[one]} has no answer" for one in first if one not in answered]
    return problems


def _results(history: History, commands: list[CompleteTask]) -> list[str]:
    """A task that succeeded and said so counts, unless its workflow ended first; and each result counts once."""
    problems = []
    succeeded: set[tuple[str, int]] = set()
    attempts: set[tuple[str, int, int]] = set()
    for _, event in history.of_type(TaskSucceeded, TaskFailed):
        attempt = (event.run_id, event.step, event.attempt)
        if attempt in attempts:
            problems.append(f"attempt {attempt} of {event.workflow_id} ended twice")
        attempts.add(attempt)
        if isinstance(event, TaskSucceeded):
            if (event.run_id, event.step) in succeeded:
                problems.append(f"step {event.step} of {event.workflow_id} succeeded twice")
            succeeded.add((event.run_id, event.step))
    unnatural = {e.event.run_id for e in history.entries if isinstance(e.event, ENDS[1:])}
    problems += [
        f"the success of step {c.step} of {c.workflow_id} (attempt {c.attempt}) was lost"
        for c in commands
        if (c.run_id, c.step) not in succeeded and c.run_id not in unnatural
    ]
    return problems
