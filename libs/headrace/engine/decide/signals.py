"""Signals: from a command, and from another workflow. They wait in the record until the workflow asks for them."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.wait_events import SignalReceived, SignalRequested
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance, caught_up_or_stuck
from headrace.engine.decide.answers import answer
from headrace.engine.decide.refusals import no_open_run, refusal, why_not_open
from headrace.engine.identity import MAX_SIGNAL_NAME, is_signal_name
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Outcome
from headrace.engine.run import Run
from headrace.engine.state import ShardState

_JSON = "application/json"
Refused = tuple[str, str]
"""Error and cause."""


def signal_workflow(context: Context, state: ShardState, command: SignalWorkflow, now_ms: int) -> Iterator[Message]:
    """Take in a signal from a client. Redelivery of the same command changes nothing."""
    if state.accepted(command.workflow_id, command.command_id):
        return
    run = state.runs.get(command.workflow_id)
    if run is None:
        yield no_open_run(context, state, command, now_ms)
        return
    refused = _misfit(context, command.name, command.data, command.content_type)
    unread = 0
    if refused is None:
        unread = yield from _unread(context, run, now_ms)
        refused = _too_many(context, run, unread)
    if refused is not None:
        yield refusal(context, command, *refused, now_ms)
        return
    yield SignalReceived(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        name=command.name,
        data=command.data,
        content_type=command.content_type,
        command_id=command.command_id,
        unread=unread,
        at=now_ms,
    )
    yield from advance(context, run, now_ms)


def signal_requested(context: Context, state: ShardState, event: SignalRequested, now_ms: int) -> Iterator[Message]:
    """Take in a signal from another workflow, and tell it so."""
    run = state.runs.get(event.target)
    refused = _misfit(context, event.name, event.data, event.content_type)
    if run is None:
        refused = why_not_open(state, event.target)
    unread = 0
    if run is not None and refused is None:
        unread = yield from _unread(context, run, now_ms)
        refused = _too_many(context, run, unread)
    sender = ParentRef(workflow_id=event.workflow_id, run_id=event.run_id, step=event.step)
    if run is None or refused is not None:
        error, cause = refused or ("", "")
        yield answer(context, sender, event.target, Outcome(FAILED, error=error, cause=context.cut(cause)), now_ms)
        return
    yield SignalReceived(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        name=event.name,
        data=event.data,
        content_type=event.content_type,
        sender=sender,
        unread=unread,
        at=now_ms,
    )
    yield answer(context, sender, event.target, Outcome(SUCCEEDED), now_ms)
    yield from advance(context, run, now_ms)


def misfit(context: Context, what: str, data: bytes, content_type: str) -> Refused | None:
    """Return why a payload cannot be taken in; None when it can."""
    limit = context.limits.payload_bytes
    if len(data) > limit:
        return "headrace.InputTooLarge", f"Expected {what} of at most {limit} bytes, but it has {len(data)}"
    if content_type == _JSON:
        try:
            msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            return "headrace.InvalidInput", f"Expected JSON as {what}, but {error}"
    return None


def _misfit(context: Context, name: str, data: bytes, content_type: str) -> Refused | None:
    if not is_signal_name(name):
        wanted = f"the name of a signal, of 1 to {MAX_SIGNAL_NAME} printable characters"
        return "headrace.InvalidInput", f"Expected {wanted}, but found {name[:50]!r} of {len(name)}"
    return misfit(context, "the data of a signal", data, content_type)


def _unread(context: Context, run: Run, now_ms: int) -> Generator[Message, None, int]:
    """Return how many signals nobody will have asked for, with the one that comes.

    Of a run that stands still, or is slow to rebuild, no more is known than that it has asked for none since.
    """
    if not run.halted and context.activations.behind(run) <= context.limits.replay_at_once:
        kernel = yield from caught_up_or_stuck(context, run, now_ms)
        if kernel is not None:
            return len(kernel.unread) + 1
    return run.unread + 1


def _too_many(context: Context, run: Run, unread: int) -> Refused | None:
    limit = context.limits.unread_signals
    if unread <= limit:
        return None
    return "headrace.TooManySignals", (
        f"Expected at most {limit} signals that {run.workflow_id} has not asked for, but there are as many; send it "
        "again when it has taken some"
    )
