"""What a schedule has started has ended, or was not started: the schedule takes note, and starts what waits."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.schedule_events import ScheduleRunEnded
from headrace.contracts.workflow_events import StartRefused, WorkflowFailed, WorkflowTimedOut
from headrace.engine.context import Context
from headrace.engine.decide.schedule_times import proceed
from headrace.engine.evolve.workflow import END_STATUS, WorkflowEnd
from headrace.engine.state import ShardState


def scheduled_run_ended(
    context: Context, state: ShardState, parent: ParentRef, event: WorkflowEnd | StartRefused, now_ms: int
) -> Iterator[Message]:
    """Record the end of a schedule's workflow. A schedule that is gone, or another one of its id, does not wait for it.

    A workflow that was retried or started again under its id ends a second time: the schedule has long gone on.
    """
    schedule = state.schedules.get(parent.workflow_id)
    if schedule is None or schedule.generation != parent.run_id or event.workflow_id not in schedule.running:
        return
    error, cause = "", ""
    if isinstance(event, WorkflowFailed | StartRefused):
        error, cause = event.error, event.cause
    elif isinstance(event, WorkflowTimedOut):
        error = "headrace.WorkflowTimedOut"
    yield ScheduleRunEnded(
        schedule_id=schedule.schedule_id,
        generation=schedule.generation,
        workflow_id=event.workflow_id,
        status="REFUSED" if isinstance(event, StartRefused) else END_STATUS[type(event)],
        error=error,
        cause=context.cut(cause),
        at=now_ms,
    )
    yield from proceed(context, schedule, now_ms)
