"""A task asks for units."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseRefused, ResourceDeclared
from headrace_resources.decide.round import Request, Round

ERROR = "headrace.ResourceError"


def lease_requested(round_: Round, event: LeaseRequested) -> Iterator[Message]:
    """Take a request into the round, refuse it, or pass over one that is known already."""
    state = round_.state
    if shard_of(event.resource, round_.shards) != round_.shard:
        return  # The record is addressed to us for the sake of another request in it.
    claim = state.claim(event.run_id, event.step)
    if claim is not None:
        if claim.holder.attempt >= event.attempt:
            return  # A repeat: it waits, or it holds.
        yield round_.release(claim, "superseded")
    holder = LeaseHolder(
        workflow_id=event.workflow_id,
        run_id=event.run_id,
        step=event.step,
        attempt=event.attempt,
        node=event.node,
        index=event.index,
        shard=round_.from_shard,
    )
    known = state.resources.get(event.resource)
    if known is None and len(state.resources) >= round_.most_resources:
        yield refused(round_, event.resource, event.units, holder, full(round_, event.resource))
        return
    if (known is None or not known.declared) and event.capacity > 0:
        yield ResourceDeclared(
            resource=event.resource, capacity=event.capacity, declared_by=event.workflow_id, at=round_.now_ms
        )
    cause = _refusal(round_, event)  # An unknown resource is none: its declaration may be on its way.
    if cause:
        yield refused(round_, event.resource, event.units, holder, cause)
        return
    round_.requests[event.run_id, event.step] = Request(
        resource=event.resource, units=event.units, priority=event.priority, holder=holder
    )


def refused(round_: Round, resource: str, units: int, holder: LeaseHolder, cause: str) -> LeaseRefused:
    """Return the event that refuses a request for good."""
    return LeaseRefused(
        resource=resource,
        units=units,
        holder=holder,
        to_shard=holder.shard,
        error=ERROR,
        cause=cause,
        at=round_.now_ms,
    )


def too_many(resource: str, units: int, capacity: int) -> str:
    """Return why a request for more than the capacity is refused."""
    return f"Expected at most {capacity} units, the capacity of resource {resource!r}, but the task asks for {units}"


def full(round_: Round, resource: str) -> str:
    """Return why a resource that is not known yet is refused."""
    return (
        f"Expected at most {round_.most_resources} resources on a shard, but {resource!r} is one more; use few names, "
        "and units for how much is used"
    )


def _refusal(round_: Round, event: LeaseRequested) -> str:
    resource = round_.state.resources.get(event.resource)
    if event.units < 1:
        return f"Expected at least 1 unit of resource {event.resource!r}, but the task asks for {event.units}"
    if resource is not None and resource.declared and event.units > resource.capacity:
        return too_many(event.resource, event.units, resource.capacity)
    return ""
