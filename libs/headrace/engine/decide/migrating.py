"""MigrateWorkflow, and ResumeWorkflow: a run goes on with another version, or tries once more with its own."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.control_commands import MigrateWorkflow, ResumeWorkflow
from headrace.contracts.control_events import MigrationChecked, WorkflowMigrated
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.pausing import goes_on
from headrace.engine.decide.refusals import no_open_run, refusal
from headrace.engine.decide.trying import Problem, tried
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.run import PAUSED, STUCK, Run
from headrace.engine.state import ShardState


def resume_workflow(context: Context, state: ShardState, command: ResumeWorkflow, now_ms: int) -> Iterator[Message]:
    """Let a paused run go on; try a stuck one again, with its own version, then with the latest."""
    if state.accepted(command.workflow_id, command.command_id):
        return
    run = state.runs.get(command.workflow_id)
    if run is None:
        yield no_open_run(context, state, command, now_ms)
    elif run.status == PAUSED:
        yield from goes_on(context, run, now_ms, command_id=command.command_id, reason=command.reason)
    elif run.status == STUCK:
        yield from _unstuck(context, run, command, now_ms)


def migrate_workflow(context: Context, state: ShardState, command: MigrateWorkflow, now_ms: int) -> Iterator[Message]:
    """Move a run to another version, if a replay of its record agrees; or only say whether it would."""
    if state.accepted(command.workflow_id, command.command_id):
        return
    run = state.runs.get(command.workflow_id)
    if run is None:
        yield no_open_run(context, state, command, now_ms)
        return
    definitions = context.activations.definitions
    definition = definitions.get(run.name, command.version) if command.version else definitions.latest(run.name)
    if definition is None:
        cause = f"Expected a deployed version, but {run.name}@{command.version} is not known; deploy it first"
        yield refusal(context, command, "headrace.UnknownDefinition", cause, now_ms)
        return
    if definition.version == run.version and run.status != STUCK and not command.dry_run:
        return
    found = tried(context, run, definition.version)
    if isinstance(found, Problem):
        yield refusal(context, command, found.error, found.cause, now_ms)
    elif command.dry_run:
        found.close()
        yield MigrationChecked(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            command_id=command.command_id,
            version=definition.version,
            steps=len(run.steps),
            at=now_ms,
        )
    else:
        yield from migrated(context, run, definition, found, now_ms, command_id=command.command_id)


def migrated(
    context: Context, run: Run, definition: Definition, kernel: Kernel, now_ms: int, *, command_id: str = ""
) -> Iterator[Message]:
    """Move a run to a version that a replay agrees with; one that was stuck goes on, one that is paused does not."""
    reason = f"{definition.name}@{definition.version} goes on with its record"
    if definition.version != run.version:
        yield WorkflowMigrated(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            command_id=command_id,
            from_version=run.version,
            version=definition.version,
            program=definition.program,
            interpreter=definition.interpreter,
            at=now_ms,
        )
    context.activations.adopt(run.run_id, kernel)
    if run.status == STUCK:
        yield from goes_on(context, run, now_ms, command_id=command_id, reason=reason)
    else:
        yield from advance(context, run, now_ms)


def _unstuck(context: Context, run: Run, command: ResumeWorkflow, now_ms: int) -> Iterator[Message]:
    own = tried(context, run, run.version)
    if not isinstance(own, Problem):
        context.activations.adopt(run.run_id, own)
        yield from goes_on(context, run, now_ms, command_id=command.command_id, reason=command.reason)
        return
    latest = context.activations.definitions.latest(run.name)
    if latest is None or latest.version == run.version:
        yield refusal(context, command, own.error, own.cause, now_ms)
        return
    newer = tried(context, run, latest.version)
    if isinstance(newer, Problem):
        yield refusal(context, command, newer.error, f"{own.cause}; and {newer.cause}", now_ms)
    else:
        yield from migrated(context, run, latest, newer, now_ms, command_id=command.command_id)
