"""Events in the life of a worker, told by each dispatcher shard that it serves."""

from __future__ import annotations

import msgspec

from headrace.contracts.worker_events import (
    WorkerJoined,
    WorkerLeft,
    WorkerLost,
    WorkerMeasured,
    WorkerStopping,
)
from headrace_status.fold.changes import Changes, Delete, Origin, Put


def worker_joined(event: WorkerJoined, origin: Origin) -> Changes:
    """A worker offers its slots; what an earlier life of the same name left is gone."""
    key = (event.worker, origin.partition)
    yield Delete("workers", key)
    values = {
        "session": event.session,
        "status": "ACTIVE",
        "slots": sum(offer.slots for offer in event.offers),
        "offers": msgspec.json.encode(event.offers).decode(),
        "labels": msgspec.json.encode(event.labels).decode(),
        "host": event.host,
        "pid": event.pid,
        "joined_at": event.at,
        "changed_at": event.at,
        "reason": "",
    }
    yield Put("workers", key, values)


def worker_stopping(event: WorkerStopping, origin: Origin) -> Changes:
    """A worker takes nothing more."""
    yield _changed(event, origin, "STOPPING", "")


def worker_left(event: WorkerLeft, origin: Origin) -> Changes:
    """A worker has stopped."""
    yield _changed(event, origin, "LEFT", "")


def worker_lost(event: WorkerLost, origin: Origin) -> Changes:
    """A worker went silent, or came back under a new session."""
    yield _changed(event, origin, "LOST", event.reason)


def worker_measured(event: WorkerMeasured, origin: Origin) -> Changes:
    """A worker tells how it is. It tells one of the dispatcher shards that it serves."""
    gauges = {gauge.name: gauge.value for gauge in event.gauges}
    values = {
        "session": event.session,
        "gauges": msgspec.json.encode(gauges).decode(),
        "measured_at": event.at,
    }
    yield Put("workers", (event.worker, origin.partition), values)


def _changed(
    event: WorkerStopping | WorkerLeft | WorkerLost,
    origin: Origin,
    status: str,
    reason: str,
) -> Put:
    values = {
        "session": event.session,
        "status": status,
        "changed_at": event.at,
        "reason": reason,
    }
    return Put("workers", (event.worker, origin.partition), values)
