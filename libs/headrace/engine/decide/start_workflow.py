"""StartWorkflow, and a parent's request for a child: begin a run, join the one that exists, or refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from headrace.contracts.child_events import ChildRequested
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.workflow_events import CommandRejected, StartRefused, WorkflowStarted
from headrace.engine.activations import DefinitionMissing, UnknownInterpreter
from headrace.engine.budget import BudgetExceeded
from headrace.engine.closed import Closed
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.expressions import ExpressionError
from headrace.engine.identity import command_digest, earlier_start, start_digest
from headrace.engine.programs.program import RunInfo
from headrace.engine.run import Run
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

WORKFLOW_ID = re.compile(r"[A-Za-z0-9._:@=+-]{1,200}")
_JSON = "application/json"


class _Refusal(Exception):
    """Inside this file only: the start is refused with this error and cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause


def start_workflow(
    context: Context, state: ShardState, command: StartWorkflow, item: Input, run_id: str, now_ms: int
) -> Iterator[Message]:
    """Start a workflow for a client. Redelivery of the same command changes nothing."""
    existing = state.runs.get(command.workflow_id) or state.closed.get(command.workflow_id)
    try:
        if existing is not None and (_started_earlier(state, command) or not _may_run_again(command, existing)):
            return
        if existing is None and item.at < state.closed.forgotten_before:
            raise _too_old(state, command, item)
        definition = _definition(context, command.name, command.version)
        started = _started(context, command, definition, run_id, existing, item.trace, now_ms)
        started = msgspec.structs.replace(started, previous=state.previous.get(command.name, started.key))
    except _Refusal as refusal:
        yield StartRefused(
            workflow_id=command.workflow_id,
            command_id=command.command_id,
            name=command.name,
            error=refusal.error,
            cause=context.cut(refusal.cause),
            existing=existing is not None,
            at=now_ms,
        )
        if refusal.error == "headrace.UnknownDefinition":
            yield _dead_letter(context, command, item, refusal, now_ms)
        return
    yield started
    yield from advance(context, state.runs[command.workflow_id], now_ms)


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
    existing = state.runs.get(request.child_id)
    if existing is not None and existing.parent == parent:
        return
    try:
        if existing is not None or request.child_id in state.closed:
            raise _Refusal(
                "headrace.AlreadyExists", f"Expected an unused id for the child, but {request.child_id} exists"
            )
        if request.depth > context.limits.child_depth:
            raise _Refusal(
                "headrace.DepthExceeded",
                f"Expected at most {context.limits.child_depth} parents above a workflow, but found {request.depth}",
            )
        definition = _definition(context, request.name, request.version)
        started = _started(context, command, definition, run_id, None, request.trace, now_ms)
    except _Refusal as refusal:
        yield StartRefused(
            workflow_id=request.child_id,
            command_id="",
            name=request.name,
            error=refusal.error,
            cause=context.cut(refusal.cause),
            existing=existing is not None or request.child_id in state.closed,
            parent=parent,
            at=now_ms,
        )
        return
    yield msgspec.structs.replace(started, parent=parent)
    yield from advance(context, state.runs[request.child_id], now_ms)


def _may_run_again(command: StartWorkflow, existing: Run | Closed) -> bool:
    """Tell whether a used id gets a new run (True) or is joined (False); raise the refusal otherwise."""
    is_open = isinstance(existing, Run)
    if command.command_id and _same_command(command, existing):
        return False
    found = f"({existing.name}) is running" if isinstance(existing, Run) else f"has ended as {existing.status}"
    if command.if_exists == "rerun":
        if not is_open:
            return True
        raise _Refusal(
            "headrace.AlreadyExists",
            f"Expected {command.workflow_id} to have ended, but it {found}; wait or cancel it first",
        )
    if command.if_exists == "fail":
        raise _Refusal(
            "headrace.AlreadyExists",
            f"Expected an unused id, but {command.workflow_id} {found}; choose another id, or join or rerun it",
        )
    if _same_start(command, existing):
        return False
    raise _Refusal(
        "headrace.AlreadyExists",
        f"Expected an unused id or the same workflow and input, but {command.workflow_id} {found} "
        "with others; choose another id, or start it with if_exists=rerun once it has ended",
    )


def _started_earlier(state: ShardState, command: StartWorkflow) -> bool:
    """Tell whether a command has started a run of its id before the last one."""
    if not command.command_id:
        return False
    return state.closed.get(earlier_start(command.workflow_id, command_digest(command.command_id))) is not None


def _same_command(command: StartWorkflow, existing: Run | Closed) -> bool:
    if isinstance(existing, Closed):
        return existing.command == command_digest(command.command_id)
    return existing.command_id == command.command_id


def _same_start(command: StartWorkflow, existing: Run | Closed) -> bool:
    if isinstance(existing, Closed):
        return existing.start == start_digest(command.name, command.input)
    return (existing.name, existing.input) == (command.name, command.input)


def _too_old(state: ShardState, command: StartWorkflow, item: Input) -> _Refusal:
    """Return the refusal of a start that may have had a run already: ids of that time are no longer remembered."""
    return _Refusal(
        "headrace.StartTooOld",
        f"Expected a start that was logged at {state.closed.forgotten_before} (ms since the epoch) or later, since "
        f"what ended before is no longer remembered, but {command.workflow_id} was logged at {item.at}; it may have "
        "run: look for it, and start it again where it has not",
    )


def _definition(context: Context, name: str, version: str) -> Definition:
    definitions = context.activations.definitions
    definition = definitions.get(name, version) if version else definitions.latest(name)
    if definition is None:
        wanted = f"{name}@{version}" if version else name
        raise _Refusal(
            "headrace.UnknownDefinition", f"Expected a deployed workflow, but {wanted} is not known; deploy it first"
        )
    return definition


def _started(
    context: Context,
    command: StartWorkflow,
    definition: Definition,
    run_id: str,
    existing: Run | Closed | None,
    trace: str,
    now_ms: int,
) -> WorkflowStarted:
    limit = context.limits.payload_bytes
    if not WORKFLOW_ID.fullmatch(command.workflow_id):
        raise _Refusal(
            "headrace.InvalidId", f"Expected an id like {WORKFLOW_ID.pattern}, but found {command.workflow_id[:250]!r}"
        )
    if command.if_exists not in ("join", "fail", "rerun"):
        raise _Refusal(
            "headrace.InvalidInput", f"Expected if_exists to be join, fail or rerun, but found {command.if_exists!r}"
        )
    if len(command.input) > limit:
        raise _Refusal(
            "headrace.InputTooLarge", f"Expected an input of at most {limit} bytes, but it has {len(command.input)}"
        )
    if command.content_type == _JSON:
        try:
            msgspec.json.decode(command.input)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Refusal("headrace.InvalidInput", f"Expected JSON as input, but {error}") from error
    started = WorkflowStarted(
        workflow_id=command.workflow_id,
        run_id=run_id,
        name=command.name,
        version=definition.version,
        program=definition.program,
        interpreter=definition.interpreter,
        input=command.input,
        content_type=command.content_type,
        command_id=command.command_id,
        key=command.key,
        attempt=existing.attempt + 1 if existing else 1,
        at=now_ms,
        correlation_id=command.correlation_id,
        trace=trace,
    )
    return _with_options(context, started)


def _with_options(context: Context, started: WorkflowStarted) -> WorkflowStarted:
    """Return the start with what the definition says of time limit and key; one that cannot be prepared is refused
    here.
    """
    try:
        program, prepared = context.activations.prepared(started.program, started.name, started.version)
        info = RunInfo(
            workflow_id=started.workflow_id,
            run_id=started.run_id,
            name=started.name,
            version=started.version,
            attempt=started.attempt,
            input=started.input,
            content_type=started.content_type,
            started_at=started.at,
        )
        with context.activations.budget.activation(started.workflow_id):
            key = started.key or program.key(prepared, info)
        return msgspec.structs.replace(started, timeout_ms=program.timeout_ms(prepared, info), key=key)
    except UnknownInterpreter as error:
        raise _Refusal("headrace.UnknownInterpreter", str(error)) from error
    except DefinitionMissing as error:
        raise _Refusal("headrace.UnknownDefinition", str(error)) from error
    except BudgetExceeded as error:
        raise _Refusal("headrace.BudgetExceeded", str(error)) from error
    except ExpressionError as error:
        raise _Refusal(
            "headrace.ExpressionError", f"Expected the workflow's key to have a value, but {error}"
        ) from error
    except Exception as error:
        raise _Refusal("headrace.InvalidDefinition", f"{type(error).__name__}: {error}") from error


def _dead_letter(
    context: Context, command: StartWorkflow, item: Input, refusal: _Refusal, now_ms: int
) -> CommandRejected:
    return CommandRejected(
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value[: context.limits.payload_bytes],
        error=refusal.error,
        reason=refusal.cause,
        workflow_id=command.workflow_id,
        at=now_ms,
    )
