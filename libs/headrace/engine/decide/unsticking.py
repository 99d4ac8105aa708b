"""Stuck runs go on by themselves once a version is deployed that goes on with their record."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import WorkflowStuck
from headrace.engine.context import Context
from headrace.engine.decide.migrating import migrated
from headrace.engine.decide.parking import parking
from headrace.engine.decide.trying import Problem, tried
from headrace.engine.state import ShardState
from headrace.engine.stuck import StuckRun

_STEPS_PER_TICK = 10_000
"""Recorded steps that one tick replays: some 0.2 s, in which other workflows wait."""
_MISSING = "headrace.DefinitionMissing"
_TOO_NEW = "headrace.UnknownInterpreter"
"""Errors that the same version may not have later, or in another process."""


def due_at(context: Context, state: ShardState) -> int | None:
    """Return when it is looked next, in ms since the epoch; None where no run is stuck."""
    if not context.limits.stuck_check_ms or not state.stuck:
        return None
    return 0 if context.stuck.round else context.stuck.next_at


def tick(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Try the stuck runs of which a newer version is known, a bounded number at once."""
    due, watch = due_at(context, state), context.stuck
    if due is None or due > now_ms or state.pending:
        return
    if not watch.round:
        watch.next_at = now_ms + context.limits.stuck_check_ms
        watch.own_tried.intersection_update(found.run_id for found in state.stuck.values())
        watch.round.extend(state.stuck)
    latest: dict[str, Definition | None] = {}
    steps = 0
    while watch.round and steps < _STEPS_PER_TICK and context.room.left > 0 and not state.pending:
        workflow_id = watch.round.popleft()
        found = state.stuck.get(workflow_id)
        if found is None:
            continue
        if found.name not in latest:
            latest[found.name] = context.activations.definitions.latest(found.name)
        candidate = _candidate(context, found, latest[found.name])
        if candidate is not None:
            steps += len(state.runs[workflow_id].steps)
            yield from parking(context, state, _attempt(context, state, workflow_id, candidate, now_ms), now_ms)


def _candidate(context: Context, found: StuckRun, latest: Definition | None) -> Definition | None:
    """Return the version to try a run with, if there is one that it was not tried with."""
    if latest is not None and latest.version not in (found.version, found.tried):
        return latest
    if found.error not in (_MISSING, _TOO_NEW) or found.run_id in context.stuck.own_tried:
        return None
    if latest is not None and latest.version == found.version:
        return latest
    # A definition that is missing comes as the latest; asking for it again and again would read the topic each time.
    return context.activations.definitions.get(found.name, found.version) if found.error == _TOO_NEW else None


def _attempt(
    context: Context, state: ShardState, workflow_id: str, candidate: Definition, now_ms: int
) -> Iterator[Message]:
    run = state.runs[workflow_id]
    if candidate.version == run.version:
        context.stuck.own_tried.add(run.run_id)
    result = tried(context, run, candidate.version)
    if not isinstance(result, Problem):
        yield from migrated(context, run, candidate, result, now_ms)
    elif candidate.version != run.version:
        yield WorkflowStuck(
            workflow_id=workflow_id,
            run_id=run.run_id,
            error=run.stuck,
            cause=context.cut(f"{candidate.version}, deployed since, does not go on with it either: {result.cause}"),
            tried=candidate.version,
            at=now_ms,
        )
