"""Events of what operators made of a workflow, of what it shows of itself, and of runs that continue one another."""

from __future__ import annotations

from headrace.contracts.control_events import WorkflowMigrated, WorkflowPaused, WorkflowResumed
from headrace.contracts.record_events import Published, SearchAttributesSet, WorkflowContinued
from headrace_status.fold.changes import Changes, CloseTasks, Origin, Put, continuation_of, origin_of, run_of
from headrace_status.fold.payload import json_text, object_text, plain


def workflow_paused(event: WorkflowPaused, origin: Origin) -> Changes:
    """The run stands still."""
    values = {
        **run_of(event.run_id),
        "status": "PAUSED",
        "reason": f"paused: {event.reason}" if event.reason else "paused",
        "changed_at": event.at,
        "shard": origin.partition,
    }
    yield Put("workflows", (event.workflow_id,), values)


def workflow_resumed(event: WorkflowResumed, origin: Origin) -> Changes:
    """The run was paused or stuck, and goes on."""
    values = {
        **run_of(event.run_id),
        "status": "RUNNING",
        "reason": "",
        "error": "",
        "cause": "",
        "changed_at": event.at,
        "shard": origin.partition,
    }
    yield Put("workflows", (event.workflow_id,), values)


def workflow_migrated(event: WorkflowMigrated, origin: Origin) -> Changes:
    """The run has another version of its definition."""
    values = {
        **run_of(event.run_id),
        "version": event.version,
        "program": event.program,
        "changed_at": event.at,
        "shard": origin.partition,
    }
    yield Put("workflows", (event.workflow_id,), values)


def workflow_continued(event: WorkflowContinued, origin: Origin) -> Changes:
    """The run goes on as a new one: the row is the same, and keeps when the first one started."""
    values: dict[str, object] = {
        **run_of(event.next_run_id),
        "continued": continuation_of(event.next_run_id),
        "changed_at": event.at,
        "shard": origin.partition,
    }
    if event.input:
        values |= {"input": json_text(event.input, event.content_type), "input_bytes": len(event.input)}
    yield Put("workflows", (event.workflow_id,), values)
    yield CloseTasks(event.workflow_id, event.run_id, -1, f"the workflow goes on as run {event.next_run_id}", event.at)


def search_attributes_set(event: SearchAttributesSet, origin: Origin) -> Changes:
    """Attributes to look for the workflow by; those of other names stay."""
    values = {**run_of(event.run_id), "search": object_text(event.attributes), "shard": origin.partition}
    yield Put("workflows", (event.workflow_id,), values)


def published(event: Published, _origin: Origin) -> Changes:
    """What the workflow wants to be seen; it takes the place of what it published under this name before."""
    values = {
        "run_id": event.run_id,
        "step": event.step,
        "data": json_text(event.data, event.content_type),
        "data_bytes": len(event.data),
        "at": event.at,
    }
    yield Put("published", (event.workflow_id, origin_of(event.run_id), plain(event.name)), values)
