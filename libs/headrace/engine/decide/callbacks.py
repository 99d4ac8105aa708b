"""Callbacks: who has the token of a step completes it, fails it, or says that work on it goes on."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.callback_tokens import CallbackStep, InvalidToken
from headrace.contracts.message import Message
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback
from headrace.contracts.wait_events import CallbackHeartbeat, StepEnded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.refusals import NOT_RUNNING, no_open_run, refusal
from headrace.engine.decide.signals import Refused, misfit
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, TIMED_OUT, Outcome
from headrace.engine.run import CALLBACK, Run
from headrace.engine.state import ShardState

CallbackCommand = CompleteCallback | FailCallback | HeartbeatCallback
FORGED = "headrace.InvalidToken"
TIMED_OUT_ERROR = "headrace.CallbackTimedOut"


def decide_callback(context: Context, state: ShardState, command: CallbackCommand, now_ms: int) -> Iterator[Message]:
    """Decide a command that bears a token. Redelivery of one that was accepted changes nothing."""
    try:
        named = context.activations.tokens.read(command.token)
    except InvalidToken as error:
        yield refusal(context, command, FORGED, str(error), now_ms)
        return
    if named.workflow_id != command.workflow_id:
        cause = f"Expected a token of {command.workflow_id}, but it is one of {named.workflow_id}"
        yield refusal(context, command, FORGED, cause, now_ms)
        return
    if state.accepted(command.workflow_id, command.command_id):
        return
    run = state.runs.get(named.workflow_id)
    if run is None:
        yield no_open_run(context, state, command, now_ms)
        return
    refused = _unusable(run, named) or _misfit(context, command)
    if refused is not None:
        yield refusal(context, command, *refused, now_ms)
    elif isinstance(command, HeartbeatCallback):
        yield CallbackHeartbeat(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            step=named.step,
            command_id=command.command_id,
            at=now_ms,
        )
    else:
        yield from _ended(context, run, named.step, _outcome(context, command), command.command_id, now_ms)


def callback_timed_out(context: Context, run: Run, step: int, now_ms: int) -> Iterator[Message]:
    """Give a callback up: its time is over, or nobody has shown a sign of life."""
    found = run.open[step]
    late = bool(found.close_by) and now_ms >= found.close_by
    cause = "nobody completed it in time" if late else f"no sign of life for {found.heartbeat_ms} ms"
    yield from _ended(context, run, step, Outcome(TIMED_OUT, error=TIMED_OUT_ERROR, cause=cause), "", now_ms)


def _ended(context: Context, run: Run, step: int, outcome: Outcome, command_id: str, now_ms: int) -> Iterator[Message]:
    found = run.open[step]
    yield StepEnded(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        node=found.node,
        index=found.index,
        kind=CALLBACK,
        status=outcome.status,
        output=outcome.data,
        content_type=outcome.content_type,
        error=outcome.error,
        cause=outcome.cause,
        command_id=command_id,
        at=now_ms,
    )
    yield from advance(context, run, now_ms)


def _outcome(context: Context, command: CompleteCallback | FailCallback) -> Outcome:
    if isinstance(command, CompleteCallback):
        return Outcome(SUCCEEDED, command.output, command.content_type)
    return Outcome(FAILED, error=command.error or "headrace.CallbackFailed", cause=context.cut(command.cause))


def _unusable(run: Run, named: CallbackStep) -> Refused | None:
    """Return why a token is of no use any more; None when its step is open."""
    if run.run_id != named.run_id:
        cause = f"Expected a token of the run that is open, but that of {run.workflow_id} is another by now"
        return NOT_RUNNING, cause
    found = run.open.get(named.step)
    if found is not None and found.kind == CALLBACK:
        return None
    end = next((end.outcome for end in reversed(run.log) if end.step == named.step), None)
    if end is not None and end.status != TIMED_OUT:
        return "headrace.TokenUsed", "Expected a token that was not used yet, but its callback has ended already"
    why = end.cause if end is not None else "the workflow has given it up"
    return "headrace.TokenExpired", f"Expected a token whose callback is waited for, but {why}"


def _misfit(context: Context, command: CallbackCommand) -> Refused | None:
    if isinstance(command, CompleteCallback):
        return misfit(context, "the output of a callback", command.output, command.content_type)
    return None
