"""Events of shared resources: their capacity, and who holds or waits for units."""

from __future__ import annotations

from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import (
    LeaseGranted,
    LeaseQueued,
    LeaseRefused,
    LeaseReleased,
    ResourceDeclared,
)
from headrace_status.fold.changes import Changes, Delete, Key, Origin, Put


def resource_declared(event: ResourceDeclared, _origin: Origin) -> Changes:
    """A semaphore is known, or has another capacity."""
    values = {
        "capacity": event.capacity,
        "declared_by": event.declared_by,
        "changed_at": event.at,
    }
    yield Put("resources", (event.resource,), values)


def lease_queued(event: LeaseQueued, _origin: Origin) -> Changes:
    """An attempt waits for units."""
    values = {
        "state": "WAITING",
        "units": event.units,
        "priority": event.priority,
        **_place(event.holder, event.at),
    }
    yield Put("leases", _key(event.resource, event.holder), values)


def lease_granted(event: LeaseGranted, _origin: Origin) -> Changes:
    """An attempt holds units."""
    values = {
        "state": "HELD",
        "units": event.units,
        "fencing_token": event.fencing_token,
        **_place(event.holder, event.at),
    }
    yield Put("leases", _key(event.resource, event.holder), values)


def lease_released(event: LeaseReleased, _origin: Origin) -> Changes:
    """Units came back, or a request was withdrawn."""
    yield Delete("leases", _key(event.resource, event.holder))


def lease_refused(event: LeaseRefused, _origin: Origin) -> Changes:
    """A request can never be granted."""
    yield Delete("leases", _key(event.resource, event.holder))


def _key(resource: str, holder: LeaseHolder) -> Key:
    return (resource, holder.workflow_id, holder.run_id, holder.step, holder.attempt)


def _place(holder: LeaseHolder, at: int) -> dict[str, object]:
    return {"node": holder.node, "index": holder.index, "at": at}
