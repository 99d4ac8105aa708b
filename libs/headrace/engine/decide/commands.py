"""A record of workflow.commands: whose it is, whether it can be read, and which decision it wants."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts import commands as c
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import CommandForwarded, CommandHeld, CommandRejected
from headrace.engine.context import Context
from headrace.engine.decide.end_workflow import cancel_workflow, terminate_workflow
from headrace.engine.decide.start_workflow import WORKFLOW_ID, start_workflow
from headrace.engine.decide.task_result import complete_task, fail_task
from headrace.engine.run import STUCK, Run
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

WorkflowCommand = c.StartWorkflow | c.CompleteTask | c.FailTask | c.CancelWorkflow | c.TerminateWorkflow


def decide_command(context: Context, state: ShardState, item: Input, run_id: str, now_ms: int) -> Iterator[Message]:
    """Decide one command. One that belongs to another shard becomes an event that is addressed to it."""
    command = item.message
    if not isinstance(command, WorkflowCommand):
        found = f"a {command.type_name()}" if command is not None else item.error
        reason = item.error if command is None else f"Expected a command for a workflow, but found {found}"
        error = "headrace.Undecodable" if command is None else "headrace.UnexpectedMessage"
        yield rejected(context, item, error, reason, now_ms)
        return
    owner = context.shards.of_workflow(command.workflow_id)
    if owner != context.shards.shard:
        yield CommandForwarded(
            to_shard=owner,
            command=item.value,
            workflow_id=command.workflow_id,
            trace=item.trace,
            logged_at=item.at,
        )
        return
    run = state.runs.get(command.workflow_id)
    if run is not None and run.status == STUCK and not isinstance(command, c.TerminateWorkflow | c.StartWorkflow):
        yield from hold(context, run, item.value, now_ms)
        return
    match command:
        case c.CompleteTask():
            yield from complete_task(context, state, command, now_ms)
        case c.FailTask():
            yield from fail_task(context, state, command, now_ms)
        case c.StartWorkflow():
            yield from start_workflow(context, state, command, item, run_id, now_ms)
        case c.CancelWorkflow():
            yield from cancel_workflow(context, state, command, now_ms)
        case c.TerminateWorkflow():
            yield from terminate_workflow(context, state, command, now_ms)


def hold(context: Context, run: Run, value: bytes, now_ms: int) -> Iterator[Message]:
    """Journal an input for a stuck run, up to a limit: past it the senders' own retries have long made it whole."""
    if len(run.held) < context.limits.held_per_run:
        yield CommandHeld(workflow_id=run.workflow_id, run_id=run.run_id, command=value, at=now_ms)


def rejected(context: Context, item: Input, error: str, reason: str, now_ms: int) -> CommandRejected:
    """Return the event that sends an input to the dead letters."""
    key = item.key.decode("utf-8", "replace")
    return CommandRejected(
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value[: context.limits.payload_bytes],
        error=error,
        reason=context.cut(reason),
        workflow_id=key if WORKFLOW_ID.fullmatch(key) else "",
        at=now_ms,
    )
