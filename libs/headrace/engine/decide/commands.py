"""A record of workflow.commands: whose it is, whether it can be read, and which decision it wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard, cast, get_args

from headrace.contracts import commands as c
from headrace.contracts import control_commands as co
from headrace.contracts import wait_commands as w
from headrace.contracts.message import Message
from headrace.contracts.schedule_commands import ScheduleCommand
from headrace.contracts.workflow_events import CommandForwarded, CommandHeld, CommandRejected
from headrace.engine.context import Context
from headrace.engine.decide.callbacks import decide_callback
from headrace.engine.decide.end_workflow import cancel_workflow, terminate_workflow
from headrace.engine.decide.migrating import migrate_workflow, resume_workflow
from headrace.engine.decide.pausing import pause_workflow
from headrace.engine.decide.retrying import retry_workflow
from headrace.engine.decide.schedule_commands import decide_schedule_command
from headrace.engine.decide.signals import signal_workflow
from headrace.engine.decide.start_workflow import WORKFLOW_ID, start_workflow
from headrace.engine.decide.task_result import complete_task, fail_task
from headrace.engine.run import STUCK, Run
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

Waits = w.SignalWorkflow | w.CompleteCallback | w.FailCallback | w.HeartbeatCallback
Control = co.PauseWorkflow | co.ResumeWorkflow | co.MigrateWorkflow | co.RetryWorkflow
WorkflowCommand = (
    c.StartWorkflow | c.CompleteTask | c.FailTask | c.CancelWorkflow | c.TerminateWorkflow | Control | Waits
)
# Looked up for every command: asking whether something is one of a union takes as long as the rest of a refusal.
_SCHEDULE_COMMANDS = frozenset(get_args(ScheduleCommand))
_COMMANDS = _SCHEDULE_COMMANDS | frozenset(get_args(WorkflowCommand))
_NEVER_HELD = (
    c.StartWorkflow,
    c.TerminateWorkflow,
    co.PauseWorkflow,
    co.ResumeWorkflow,
    co.MigrateWorkflow,
    co.RetryWorkflow,
    *get_args(Waits),
)
"""What is decided for a stuck workflow too."""


def decide_command(context: Context, state: ShardState, item: Input, run_id: str, now_ms: int) -> Iterator[Message]:
    """Return the events of one command. One that belongs to another shard becomes an event that is addressed to it."""
    command = item.message
    if not _is_known(command):
        found = f"a {command.type_name()}" if command is not None else item.error
        reason = item.error if command is None else f"Expected a command for a workflow, but found {found}"
        error = "headrace.Undecodable" if command is None else "headrace.UnexpectedMessage"
        return iter((rejected(context, item, error, reason, now_ms),))
    owner = context.shards.of_workflow(command.workflow_id)
    if owner != context.shards.shard:
        forwarded = CommandForwarded(
            to_shard=owner,
            command=item.value,
            workflow_id=command.workflow_id,
            trace=item.trace,
            logged_at=item.at,
        )
        return iter((forwarded,))
    if type(command) in _SCHEDULE_COMMANDS:
        return decide_schedule_command(context, state, cast("ScheduleCommand", command), item, run_id, now_ms)
    run = state.runs.get(command.workflow_id)
    if run is not None and waits_with(run) and not isinstance(command, _NEVER_HELD):
        return hold(context, run, item.value, now_ms)
    return decide_for_workflow(context, state, cast("WorkflowCommand", command), item, run_id, now_ms)


def _is_known(command: Message | None) -> TypeGuard[WorkflowCommand | ScheduleCommand]:
    return type(command) in _COMMANDS


def decide_for_workflow(
    context: Context, state: ShardState, command: WorkflowCommand, item: Input, run_id: str, now_ms: int
) -> Iterator[Message]:
    """Return the events of a command on the shard of its workflow."""
    match command:
        case c.CompleteTask():
            return complete_task(context, state, command, now_ms)
        case c.FailTask():
            return fail_task(context, state, command, now_ms)
        case c.StartWorkflow():
            return start_workflow(context, state, command, item, run_id, now_ms)
        case w.SignalWorkflow():
            return signal_workflow(context, state, command, now_ms)
        case w.CompleteCallback() | w.FailCallback() | w.HeartbeatCallback():
            return decide_callback(context, state, command, now_ms)
        case c.CancelWorkflow():
            return cancel_workflow(context, state, command, now_ms)
        case c.TerminateWorkflow():
            return terminate_workflow(context, state, command, now_ms)
        case co.PauseWorkflow():
            return pause_workflow(context, state, command, now_ms)
        case co.ResumeWorkflow():
            return resume_workflow(context, state, command, now_ms)
        case co.MigrateWorkflow():
            return migrate_workflow(context, state, command, now_ms)
        case co.RetryWorkflow():
            return retry_workflow(context, state, command, run_id, item.trace, now_ms)


def waits_with(run: Run) -> bool:
    """Tell whether what comes for a run must wait: it is stuck, or what waited before is not decided yet."""
    return run.status == STUCK or bool(run.held)


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
