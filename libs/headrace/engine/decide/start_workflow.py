"""StartWorkflow: begin a run, join the one that exists, or refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from headrace.contracts.commands import StartWorkflow
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import CommandRejected, StartRefused, WorkflowStarted
from headrace.engine.activations import DefinitionMissing, UnknownInterpreter
from headrace.engine.budget import BudgetExceeded
from headrace.engine.closed import Closed
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.backlogs import full_queue
from headrace.engine.expressions import ExpressionError
from headrace.engine.identity import command_digest, earlier_start, start_digest
from headrace.engine.kernel.outcomes import PayloadUnreadable
from headrace.engine.programs.program import RunInfo
from headrace.engine.run import Run
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

WORKFLOW_ID = re.compile(r"[A-Za-z0-9._:@=+-]{1,200}")
_JSON = "application/json"


class Refusal(Exception):
    """Inside decisions on a start: it is refused with this error and cause."""

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
        definition = definition_of(context, command.name, command.version)
        check_room(state, definition)
        started = started_event(context, command, definition, run_id, existing, item.trace, now_ms)
        started = msgspec.structs.replace(started, previous=state.previous.get(command.name, started.key))
    except Refusal as refusal:
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


def _may_run_again(command: StartWorkflow, existing: Run | Closed) -> bool:
    """Tell whether a used id gets a new run (True) or is joined (False); raise the refusal otherwise."""
    is_open = isinstance(existing, Run)
    if command.command_id and _same_command(command, existing):
        return False
    found = f"({existing.name}) is running" if isinstance(existing, Run) else f"has ended as {existing.status}"
    if command.if_exists == "rerun":
        if not is_open:
            return True
        raise Refusal(
            "headrace.AlreadyExists",
            f"Expected {command.workflow_id} to have ended, but it {found}; wait or cancel it first",
        )
    if command.if_exists == "fail":
        raise Refusal(
            "headrace.AlreadyExists",
            f"Expected an unused id, but {command.workflow_id} {found}; choose another id, or join or rerun it",
        )
    if _same_start(command, existing):
        return False
    raise Refusal(
        "headrace.AlreadyExists",
        f"Expected an unused id or the same workflow and input, but {command.workflow_id} {found} "
        "with others; choose another id, or start it with if_exists=rerun once it has ended",
    )


def check_room(state: ShardState, definition: Definition) -> None:
    """Refuse a start while a queue that the workflow declares is full, if that is the queue's policy."""
    full = full_queue(state, definition) if state.backlogs.queues else None
    if full is not None:
        raise Refusal(
            "headrace.QueueFull",
            f"Expected room in queue {full.queue}, but {full.waiting} tasks wait there, of at most {full.backlog}; "
            "start it again later",
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
    if existing.first_start:
        return existing.first_start == start_digest(command.name, command.input)
    return (existing.name, existing.input) == (command.name, command.input)


def _too_old(state: ShardState, command: StartWorkflow, item: Input) -> Refusal:
    """Return the refusal of a start that may have had a run already: ids of that time are no longer remembered."""
    return Refusal(
        "headrace.StartTooOld",
        f"Expected a start that was logged at {state.closed.forgotten_before} (ms since the epoch) or later, since "
        f"what ended before is no longer remembered, but {command.workflow_id} was logged at {item.at}; it may have "
        "run: look for it, and start it again where it has not",
    )


def definition_of(context: Context, name: str, version: str) -> Definition:
    """Return the definition that a start means; raise the refusal where there is none."""
    definitions = context.activations.definitions
    definition = definitions.get(name, version) if version else definitions.latest(name)
    if definition is None:
        wanted = f"{name}@{version}" if version else name
        raise Refusal(
            "headrace.UnknownDefinition", f"Expected a deployed workflow, but {wanted} is not known; deploy it first"
        )
    return definition


def started_event(
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
        raise Refusal(
            "headrace.InvalidId", f"Expected an id like {WORKFLOW_ID.pattern}, but found {command.workflow_id[:250]!r}"
        )
    if command.if_exists not in ("join", "fail", "rerun"):
        raise Refusal(
            "headrace.InvalidInput", f"Expected if_exists to be join, fail or rerun, but found {command.if_exists!r}"
        )
    if len(command.input) > limit:
        raise Refusal(
            "headrace.InputTooLarge", f"Expected an input of at most {limit} bytes, but it has {len(command.input)}"
        )
    if command.content_type == _JSON:
        try:
            msgspec.json.decode(command.input)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refusal("headrace.InvalidInput", f"Expected JSON as input, but {error}") from error
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
            key = started.key or program.key(prepared, context.activations.opened(info))
        return msgspec.structs.replace(started, timeout_ms=program.timeout_ms(prepared, info), key=key)
    except UnknownInterpreter as error:
        raise Refusal("headrace.UnknownInterpreter", str(error)) from error
    except DefinitionMissing as error:
        raise Refusal("headrace.UnknownDefinition", str(error)) from error
    except BudgetExceeded as error:
        raise Refusal("headrace.BudgetExceeded", str(error)) from error
    except PayloadUnreadable as error:
        raise Refusal("headrace.PayloadUnreadable", str(error)) from error
    except ExpressionError as error:
        raise Refusal(
            "headrace.ExpressionError", f"Expected the workflow's key to have a value, but {error}"
        ) from error
    except Exception as error:
        raise Refusal("headrace.InvalidDefinition", f"{type(error).__name__}: {error}") from error


def _dead_letter(
    context: Context, command: StartWorkflow, item: Input, refusal: Refusal, now_ms: int
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
