"""Events of workflows: the latest run of each id, what was refused, and where commands were forwarded.

All events of one workflow id stand in one partition of `workflow.journal`, so their order is the log's. A new run
replaces the row of the old one; a refusal makes a row only where no run is known, and the first real start takes its
place.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.workflow_events import (
    CancelRequested,
    CommandRejected,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace_status.fold.changes import Changes, CloseTasks, Delete, Origin, Put, continuation_of, run_of
from headrace_status.fold.payload import json_text

End = WorkflowSucceeded | WorkflowFailed | WorkflowCancelled | WorkflowTerminated | WorkflowTimedOut


def workflow_started(event: WorkflowStarted, origin: Origin) -> Changes:
    """A run began: it takes the place of whatever stood under this id."""
    parent = event.parent
    yield Delete("workflows", (event.workflow_id,))
    yield Put(
        "workflows",
        (event.workflow_id,),
        {
            **run_of(event.run_id),
            "name": event.name,
            "version": event.version,
            "program": event.program,
            "key": event.key,
            "attempt": event.attempt,
            "status": "RUNNING",
            "input": json_text(event.input, event.content_type),
            "input_bytes": len(event.input),
            "started_at": event.at,
            "changed_at": event.at,
            "timeout_ms": event.timeout_ms,
            "parent_id": parent.workflow_id if parent else None,
            "parent_run_id": parent.run_id if parent else None,
            "parent_step": parent.step if parent else None,
            "correlation_id": event.correlation_id,
            "trace": event.trace,
            "shard": origin.partition,
        },
    )


def workflow_succeeded(event: WorkflowSucceeded, origin: Origin) -> Changes:
    """The run has a result."""
    output = {
        "output": json_text(event.output, event.content_type),
        "output_bytes": len(event.output),
    }
    yield from _ended(event, origin, "SUCCEEDED", {**output, "reason": "", "error": "", "cause": ""})


def workflow_failed(event: WorkflowFailed, origin: Origin) -> Changes:
    """The run failed."""
    yield from _ended(
        event,
        origin,
        "FAILED",
        {"reason": "", "error": event.error, "cause": event.cause},
    )


def workflow_cancelled(event: WorkflowCancelled, origin: Origin) -> Changes:
    """The run ended because it was asked to."""
    values = {
        "reason": event.reason,
        "error": "headrace.Cancelled",
        "cause": event.reason,
    }
    yield from _ended(event, origin, "CANCELLED", values)


def workflow_terminated(event: WorkflowTerminated, origin: Origin) -> Changes:
    """The run was ended at once."""
    values = {
        "reason": event.reason,
        "error": "headrace.Terminated",
        "cause": event.reason,
    }
    yield from _ended(event, origin, "TERMINATED", values)


def workflow_timed_out(event: WorkflowTimedOut, origin: Origin) -> Changes:
    """The run took longer than it may."""
    cause = f"Expected the workflow to end within {event.timeout_ms} ms, but it was still open then"
    yield from _ended(
        event,
        origin,
        "TIMED_OUT",
        {"reason": "", "error": "headrace.WorkflowTimedOut", "cause": cause},
    )


def workflow_stuck(event: WorkflowStuck, origin: Origin) -> Changes:
    """The run needs a human."""
    values = {
        **run_of(event.run_id),
        "status": "STUCK",
        "reason": f"{event.error}: {event.cause}" if event.cause else event.error,
        "error": event.error,
        "cause": event.cause,
        "changed_at": event.at,
        "shard": origin.partition,
    }
    yield Put("workflows", (event.workflow_id,), values)


def cancel_requested(event: CancelRequested, origin: Origin) -> Changes:
    """The run was asked to end; it may clean up first."""
    reason = f"cancel requested: {event.reason}" if event.reason else "cancel requested"
    values = {
        **run_of(event.run_id),
        "reason": reason,
        "changed_at": event.at,
        "shard": origin.partition,
    }
    yield Put("workflows", (event.workflow_id,), values)


def start_refused(event: StartRefused, origin: Origin) -> Changes:
    """A start was refused: a row of its own only where no workflow has this id."""
    values = (event.workflow_id, event.command_id, event.name, event.error, event.cause, event.existing, event.at)
    yield refusal(origin, (*values, "StartWorkflow"))
    if not event.existing:
        yield _refused_workflow(event.workflow_id, event.name, event.error, event.cause, event.at, origin)


def command_rejected(event: CommandRejected, origin: Origin) -> Changes:
    """A record that could not be understood: shown where a workflow id could be read."""
    values = (event.workflow_id, "", "", event.error, event.reason, False, event.at, "")
    yield refusal(origin, values)
    if event.workflow_id:
        yield _refused_workflow(event.workflow_id, "", event.error, event.reason, event.at, origin)


def _ended(event: End, origin: Origin, status: str, values: Mapping[str, object]) -> Changes:
    # The row of runs that continue one another tells when the first one started.
    started_at = None if continuation_of(event.run_id) else event.started_at or None
    known = {"name": event.name or None, "started_at": started_at}
    times = {"ended_at": event.at, "changed_at": event.at, "shard": origin.partition}
    yield Put(
        "workflows",
        (event.workflow_id,),
        {**run_of(event.run_id), "status": status, **known, **times, **values},
    )
    yield CloseTasks(event.workflow_id, event.run_id, -1, f"the workflow ended as {status}", event.at)


def refusal(origin: Origin, values: tuple[object, ...]) -> Put:
    """Return the row of a refusal; the values in the order of the columns behind the key."""
    names = ("workflow_id", "command_id", "name", "error", "cause", "existing", "at", "command")
    return Put(
        "refusals",
        (origin.partition, origin.offset, origin.seq),
        dict(zip(names, values, strict=True)),
    )


def _refused_workflow(workflow_id: str, name: str, error: str, cause: str, at: int, origin: Origin) -> Put:
    # A record that could not be understood names no workflow, and must not take the name that an earlier refusal gave.
    named = {"name": name} if name else {}
    values = {
        **run_of(""),
        **named,
        "attempt": 0,
        "status": "FAILED",
        "error": error,
        "cause": cause,
        "started_at": at,
        "ended_at": at,
        "changed_at": at,
        "shard": origin.partition,
    }
    return Put("workflows", (workflow_id,), values)
