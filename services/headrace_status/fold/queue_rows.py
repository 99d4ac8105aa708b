"""Events of queues: their limits, whether they are full, and canaries."""

from __future__ import annotations

import msgspec

from headrace.contracts.dispatch_events import BacklogCleared, BacklogFull, CanaryCleared, CanarySet, QueueLimited
from headrace_status.fold.changes import Changes, Delete, Origin, Put


def queue_limited(event: QueueLimited, _origin: Origin) -> Changes:
    """The limits of a queue are set, or are not set any more."""
    values = {
        "at_once": event.at_once,
        "per_period": event.per_period,
        "period_ms": event.period_ms,
        "backlog": event.backlog,
        "when_full": event.when_full,
    }
    yield Put("queues", (event.queue,), values)


def backlog_full(event: BacklogFull, _origin: Origin) -> Changes:
    """As many tasks wait as may, or more."""
    yield Put("queues", (event.queue,), {"full_since": event.at})


def backlog_cleared(event: BacklogCleared, _origin: Origin) -> Changes:
    """There is room again."""
    yield Put("queues", (event.queue,), {"full_since": 0})


def canary_set(event: CanarySet, _origin: Origin) -> Changes:
    """A share goes to a version."""
    values = {
        "version": event.version,
        "share": msgspec.json.encode(event.share).decode(),
        "issued_by": event.issued_by,
        "at": event.at,
    }
    yield Put("canaries", (event.queue, event.task), values)


def canary_cleared(event: CanaryCleared, _origin: Origin) -> Changes:
    """It was taken back."""
    yield Delete("canaries", (event.queue, event.task))
