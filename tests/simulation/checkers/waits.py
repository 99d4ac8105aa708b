"""Signals, callbacks and waits for other workflows: none lost, none twice, in order, and what was answered is true."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.callback_tokens import read_token
from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.contracts.wait_events import CallbackHeartbeat, CommandRefused, SignalReceived, StepEnded
from headrace.contracts.workflow_events import WorkflowSucceeded
from headrace.engine.evolve.workflow import WorkflowEnd, outcome_of
from tests.simulation.checkers.histories import History
from tests.simulation.checkers.journals import Journals
from tests.simulation.workflows.waiters import WAITER

CODEC = Codec()
Commands = dict[str, SignalWorkflow | CompleteCallback | FailCallback | HeartbeatCallback]
_TOLD = ("headrace.NotFound", "headrace.OutcomeForgotten")
"""What is said of a workflow whose end cannot be told."""


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    sent = _sent(journals)
    for run in runs.values():
        for problem in (*_received(run), *_steps(run, runs, sent)):
            yield f"{run.name}: {problem}"
    yield from _decided(journals, sent)


def _sent(journals: Journals) -> Commands:
    found: Commands = {}
    for journal in journals.of(WORKFLOW_JOURNAL):
        for entry in journals.log.entries(WORKFLOW_COMMANDS, journal.where.partition):
            command = CODEC.decode(entry.value)
            if isinstance(command, SignalWorkflow | CompleteCallback | FailCallback | HeartbeatCallback):
                found[command.command_id] = command
    return found


def _received(run: History) -> Iterator[str]:
    """A run takes the signals of each name in the order in which they were accepted, and passes none over."""
    if run.started.name != WAITER or not isinstance(run.end, WorkflowSucceeded):
        return
    taken: dict[str, list[object]] = {}
    for what, *rest in msgspec.json.decode(run.end.output):
        if what == "got":
            taken.setdefault(rest[0], []).append(rest[1])
    came: dict[str, list[object]] = {}
    for _, event in run.events:
        if isinstance(event, SignalReceived):
            came.setdefault(event.name, []).append(msgspec.json.decode(event.data))
    for name, values in taken.items():
        if came.get(name, [])[: len(values)] != values:
            yield f"Expected it to take the first of {came.get(name)} as {name}, but it took {values}"


def _steps(run: History, runs: dict[str, History], sent: Commands) -> Iterator[str]:
    for step in run.steps.values():
        for event in step.events:
            if not isinstance(event, StepEnded):
                continue
            match event.kind:
                case "attach":
                    yield from _attached(event, step.events[0], runs)
                case "signal":
                    yield from _signalled(event, runs)
                case _ if event.command_id:
                    yield from _completed(event, sent)


def _attached(event: StepEnded, asked: Message, runs: dict[str, History]) -> Iterator[str]:
    target = getattr(asked, "target", "")
    ends = [run.end for run in runs.values() if run.started.workflow_id == target and run.end is not None]
    found = (event.status, event.output, event.error)
    told = [outcome_of(end) for end in ends if isinstance(end, WorkflowEnd)]
    if event.error not in _TOLD and found not in [(each.status, each.data, each.error) for each in told]:
        yield f"Expected {target} to have ended as {event} says, but it did as {ends}"


def _signalled(event: StepEnded, runs: dict[str, History]) -> Iterator[str]:
    taken = [
        other
        for run in runs.values()
        for _, other in run.events
        if isinstance(other, SignalReceived)
        and other.sender is not None
        and (other.sender.run_id, other.sender.step) == (event.run_id, event.step)
    ]
    if len(taken) != (event.status == "SUCCEEDED"):
        yield f"Expected {event} to say whether its signal was taken in, but found {taken}"


def _completed(event: StepEnded, sent: Commands) -> Iterator[str]:
    command = sent.get(event.command_id)
    right = isinstance(command, CompleteCallback | FailCallback)
    step = read_token(command.token)[0] if isinstance(command, CompleteCallback | FailCallback) else None
    if not right or step is None or (step.run_id, step.step) != (event.run_id, event.step):
        yield f"Expected {event} to follow from a command with its token, but found {command}"


def _decided(journals: Journals, sent: Commands) -> Iterator[str]:
    """Each command is accepted once, or refused; what was accepted is never refused."""
    accepted: dict[str, Message] = {}
    refused: set[str] = set()
    for found, _, event in journals.events(WORKFLOW_JOURNAL):
        where = f"{found.where}@{found.entry.offset}"
        if isinstance(event, SignalReceived | StepEnded | CallbackHeartbeat) and event.command_id:
            if event.command_id in accepted:
                yield f"{where}: Expected {event.command_id} to be accepted once, but found {event}, too"
            accepted[event.command_id] = event
            command = sent.get(event.command_id)
            if isinstance(event, SignalReceived) and not (
                isinstance(command, SignalWorkflow) and (command.name, command.data) == (event.name, event.data)
            ):
                yield f"{where}: Expected {event} to say what its command does, but that is {command}"
        elif isinstance(event, CommandRefused) and event.command_id in sent:
            refused.add(event.command_id)
            if event.command_id in accepted:
                yield f"{where}: Expected what was accepted to be refused no more, but found {event}"
    for command_id in sent.keys() - accepted.keys() - refused:
        yield f"Expected {sent[command_id]} to be accepted or refused, but it was neither"
