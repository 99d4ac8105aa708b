"""The rest of a decision that was too large for one record, and the inputs that have waited with a stuck run."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.codec import DecodeError
from headrace.contracts.control_events import HeldInputTaken
from headrace.contracts.message import Message
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace.contracts.workflow_events import ActivationResumed, ActivationYielded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.commands import WorkflowCommand, decide_for_workflow
from headrace.engine.decide.journals import decide_event
from headrace.engine.decide.leases import dispatched
from headrace.engine.decide.parking import park, parking
from headrace.engine.run import STUCK
from headrace.engine.state import ShardState
from headrace.shard.decider import Input


def resume(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Yield the next part of the first decision that is pending: attempts whose lease has come, then what is asked for
    next, then the inputs that have waited.
    """
    workflow_id = state.pending[0]
    run = state.runs.get(workflow_id)
    if run is None:
        # It has ended, and not all who wait for that were told: the decider does so after every decision.
        run_id = next((key for key, telling in state.telling.items() if telling.workflow_id == workflow_id), "")
        yield ActivationResumed(workflow_id=workflow_id, run_id=run_id, at=now_ms)
        return
    yield ActivationResumed(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
    for number, step in list(run.open.items()):
        if step.interrupted and not (yield from dispatched(context, run, number, now_ms)):
            return
    yield from advance(context, run, now_ms)
    yield from _held_inputs(context, state, run.workflow_id, now_ms)


def _held_inputs(context: Context, state: ShardState, workflow_id: str, now_ms: int) -> Iterator[Message]:
    """Decide what has waited with a run, in its order, until the run ends, is stuck again, or the room is used."""
    while True:
        run = state.runs.get(workflow_id)
        if run is None or not run.held or run.status == STUCK or workflow_id in state.pending:
            return
        value = run.held[0]
        if not context.has_room(len(value)):
            yield ActivationYielded(workflow_id=workflow_id, run_id=run.run_id, at=now_ms)
            return
        try:
            message = context.codec.decode(value)
        except DecodeError as error:
            # It was readable when it was held. It stays where it is, for code that can read it.
            yield from park(context, state, workflow_id, f"an input that waits cannot be read: {error}", now_ms)
            return
        yield HeldInputTaken(workflow_id=workflow_id, run_id=run.run_id, at=now_ms)
        try:
            yield from parking(context, state, _decided(context, state, workflow_id, value, message, now_ms), now_ms)
        except Exception as error:  # noqa: BLE001  what waits behind it must not be lost with it
            yield from park(context, state, workflow_id, f"{type(error).__name__}: {error}, at a held input", now_ms)


def _decided(
    context: Context, state: ShardState, workflow_id: str, value: bytes, message: Message, now_ms: int
) -> Iterator[Message]:
    """Decide one input that has waited, as it would have been then."""
    item = Input(
        topic=WORKFLOW_COMMANDS,
        partition=context.shards.shard,
        offset=-1,
        at=now_ms,
        key=workflow_id.encode(),
        value=value,
        message=message,
    )
    if isinstance(message, WorkflowCommand):
        yield from decide_for_workflow(context, state, message, item, "", now_ms)
    else:
        yield from decide_event(context, state, item, message, workflow_id, "", now_ms)
