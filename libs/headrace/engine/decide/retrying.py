"""RetryWorkflow: a run that failed is run again, and takes over what has succeeded."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.commands import StartWorkflow
from headrace.contracts.control_commands import RetryWorkflow
from headrace.contracts.message import Message
from headrace.contracts.references import RetriedRun
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.refusals import NOT_FOUND, refusal
from headrace.engine.decide.start_workflow import Refusal, definition_of, started_event
from headrace.engine.decide.trying import Problem, tried
from headrace.engine.identity import command_digest, earlier_start
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, WorkflowFailure
from headrace.engine.packing import unpack_run
from headrace.engine.programs.python.errors import StepFailed
from headrace.engine.run import Run
from headrace.engine.state import ShardState
from headrace.engine.taking_over import first_step_of

NOTHING_TO_RETRY = "headrace.NothingToRetry"
_PYTHON = "python"


def retry_workflow(
    context: Context, state: ShardState, command: RetryWorkflow, run_id: str, trace: str, now_ms: int
) -> Iterator[Message]:
    """Run a workflow again. Redelivery of the same command changes nothing."""
    if _retried_before(state, command):
        return
    try:
        former = _former(state, command)
        definition = definition_of(context, former.name, command.version)
        retried = _retried(context, former, command.from_task, definition.version)
        start = StartWorkflow(
            command_id=command.command_id,
            workflow_id=command.workflow_id,
            issued_at=command.issued_at,
            correlation_id=command.correlation_id,
            name=former.name,
            version=command.version,
            input=command.input or former.input,
            content_type=command.content_type if command.input else former.content_type,
            key=former.key,
        )
        started = started_event(
            context, start, definition, run_id, state.closed.get(command.workflow_id), trace, now_ms
        )
    except Refusal as refused:
        yield refusal(context, command, refused.error, refused.cause, now_ms)
        return
    previous = state.previous.get(former.name, started.key)
    yield msgspec.structs.replace(started, attempt=former.attempt + 1, previous=previous, retried=retried)
    yield from advance(context, state.runs[command.workflow_id], now_ms)


def _retried_before(state: ShardState, command: RetryWorkflow) -> bool:
    if not command.command_id:
        return False
    run = state.runs.get(command.workflow_id)
    if run is not None and run.command_id == command.command_id:
        return True
    digest = command_digest(command.command_id)
    ended = state.closed.get(command.workflow_id)
    earlier = state.closed.get(earlier_start(command.workflow_id, digest))
    return earlier is not None or (ended is not None and ended.command == digest)


def _former(state: ShardState, command: RetryWorkflow) -> Run:
    """Return the run that failed; raise the refusal where there is none."""
    workflow_id = command.workflow_id
    run = state.runs.get(workflow_id)
    if run is not None:
        raise Refusal(
            NOTHING_TO_RETRY, f"Expected a workflow that has failed, but {workflow_id} is {run.status}; wait or end it"
        )
    closed = state.closed.get(workflow_id)
    if closed is None:
        raise Refusal(
            NOT_FOUND, f"Expected a workflow that has failed, but {workflow_id} is not known; look for its id"
        )
    if closed.status == "SUCCEEDED":
        raise Refusal(
            NOTHING_TO_RETRY,
            f"Expected a workflow that has failed, but {workflow_id} has succeeded; start it with if_exists=rerun",
        )
    packed = state.failed.get(workflow_id)
    if packed is None:
        raise Refusal(
            "headrace.RecordForgotten",
            f"Expected the record of {workflow_id}, but it is no longer kept (HEADRACE_DECISION_RETRY_KEEP_MS, "
            "_RETRY_LIMIT, _RETRY_BYTES); start it again with if_exists=rerun",
        )
    return unpack_run(workflow_id, packed)


def former_of_child(context: Context, state: ShardState, workflow_id: str, version: str) -> RetriedRun | None:
    """Return what a child goes on from whose parent is retried; None where it begins anew."""
    packed = state.failed.get(workflow_id)
    try:
        return _retried(context, unpack_run(workflow_id, packed), "", version) if packed is not None else None
    except Refusal:
        return None


def _retried(context: Context, former: Run, from_task: str, version: str) -> RetriedRun:
    """Return what of the former run is not to be taken over."""
    from_step, undone_before = -1, 0
    if from_task:
        found = first_step_of(former, from_task)
        if found is None:
            raise Refusal(
                "headrace.UnknownTask",
                f"Expected a task that {former.workflow_id} has asked for, but found {from_task!r}",
            )
        from_step = found
    if former.program == _PYTHON:
        cleaned_from, undone_before = _after_the_failure(context, former, version)
        if cleaned_from >= 0:
            from_step = cleaned_from if from_step < 0 else min(from_step, cleaned_from)
    return RetriedRun(run_id=former.run_id, from_task=from_task, from_step=from_step, undone_before=undone_before)


def _after_the_failure(context: Context, former: Run, version: str) -> tuple[int, int]:
    """Return from which step on the code cleaned up after the failure that ended it (-1: it did not), and before which
    step it has undone what it did. A replay of the record shows both: with its own version, or, where it was stuck
    with that one, with the one that is to run now.
    """
    end = len(former.steps)
    while end and former.steps[end - 1].startswith("cancel "):
        end -= 1
    # What was given up because the run ended is not the code's.
    record = msgspec.structs.replace(former, steps=former.steps[:end])
    kernel = tried(context, record, former.version)
    if isinstance(kernel, Problem) and version != former.version:
        kernel = tried(context, record, version)
    if isinstance(kernel, Problem):
        raise Refusal(kernel.error, f"what {former.workflow_id} has undone cannot be told: {kernel.cause}")
    try:
        undone_before = kernel.next_step if kernel.undoing else kernel.undone_before
        return (kernel.failed_at if _by_a_failure(kernel) else -1), undone_before
    finally:
        kernel.close()


def _by_a_failure(kernel: Kernel) -> bool:
    """Tell whether the run ended by a failure that was delivered to it, and not by one of its own."""
    error = kernel.main.error if kernel.main is not None else None
    return isinstance(error, Cancelled) or (
        isinstance(error, WorkflowFailure) and isinstance(error.__cause__, StepFailed)
    )
