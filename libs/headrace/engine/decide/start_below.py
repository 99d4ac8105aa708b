"""A start that a parent asks for, a workflow or a schedule: begin a run, or tell the parent why not."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.child_events import ChildRequested
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.schedule_events import ScheduleFired
from headrace.contracts.workflow_events import StartRefused
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.retrying import former_of_child
from headrace.engine.decide.start_workflow import Refusal, check_room, definition_of, started_event
from headrace.engine.schedules.schedule import is_schedule, parent_of
from headrace.engine.state import ShardState


def start_child(
    context: Context, state: ShardState, request: ChildRequested, run_id: str, now_ms: int
) -> Iterator[Message]:
    """Start a child for its parent. Its id is its parent's step, so a repeated request finds it and changes nothing."""
    parent = ParentRef(workflow_id=request.workflow_id, run_id=request.run_id, step=request.step, depth=request.depth)
    command = StartWorkflow(
        command_id="",
        workflow_id=request.child_id,
        issued_at=request.at,
        name=request.name,
        version=request.version,
        input=request.input,
        content_type=request.content_type,
    )
    yield from _start_below(context, state, command, parent, run_id, request.trace, now_ms, again=request.again)


def start_scheduled(
    context: Context, state: ShardState, fired: ScheduleFired, run_id: str, now_ms: int
) -> Iterator[Message]:
    """Start a workflow for a schedule. Its id has the schedule's time, so that none starts twice for the same one."""
    command = StartWorkflow(
        command_id="",
        workflow_id=fired.workflow_id,
        issued_at=fired.at,
        name=fired.name,
        version=fired.version,
        input=fired.input,
        content_type=fired.content_type,
        key=fired.key,
    )
    parent = parent_of(fired.schedule_id, fired.generation)
    yield from _start_below(context, state, command, parent, run_id, fired.trace, now_ms)


def _start_below(
    context: Context,
    state: ShardState,
    command: StartWorkflow,
    parent: ParentRef,
    run_id: str,
    trace: str,
    now_ms: int,
    *,
    again: bool = False,
) -> Iterator[Message]:
    """Start a workflow that has a parent, or tell the parent why not. One that has started it already is not told.

    With `again`, the parent is run again, and had this child before: what has ended is run again too, and takes over
    what succeeded of it.
    """
    workflow_id = command.workflow_id
    existing = state.runs.get(workflow_id)
    if existing is not None and existing.parent == parent:
        return
    ended = state.closed.get(workflow_id) if existing is None else None
    used = existing is not None or ended is not None
    try:
        if used and not (again and ended is not None):
            raise Refusal("headrace.AlreadyExists", f"Expected an unused id for the child, but {workflow_id} exists")
        if parent.depth > context.limits.child_depth:
            raise Refusal(
                "headrace.DepthExceeded",
                f"Expected at most {context.limits.child_depth} parents above a workflow, but found {parent.depth}",
            )
        definition = definition_of(context, command.name, command.version)
        if is_schedule(parent):
            check_room(state, definition)  # what a running workflow asks for is accepted
        started = started_event(context, command, definition, run_id, ended, trace, now_ms)
        retried = former_of_child(context, state, workflow_id, definition.version) if ended is not None else None
    except Refusal as refusal:
        yield StartRefused(
            workflow_id=workflow_id,
            command_id="",
            name=command.name,
            error=refusal.error,
            cause=context.cut(refusal.cause),
            existing=used,
            parent=parent,
            at=now_ms,
        )
        return
    previous = state.previous.get(command.name, started.key) if is_schedule(parent) else b""
    yield msgspec.structs.replace(started, parent=parent, previous=previous, retried=retried)
    yield from advance(context, state.runs[workflow_id], now_ms)
