"""The last part of a workflow's trace: from an event's decision until it can be read. Costs nothing while tracing is
off.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.runtime import telemetry


def record_spans(messages: Iterable[Message | None]) -> None:
    """Record a span for every workflow that began or ended in records that have been written just now."""
    if not telemetry.tracing():
        return
    now = time.time_ns() // 1_000_000
    for message in messages:
        if not isinstance(message, JournalRecord):
            continue
        for event in message.events:
            name = type(event).__name__
            trace = getattr(event, "trace", "") if name.startswith("Workflow") else ""
            if trace:
                attributes = {"headrace.workflow_id": event.workflow_id, "headrace.event": name}  # type: ignore[attr-defined]
                at: int = event.at  # type: ignore[attr-defined]
                telemetry.record_span(
                    f"project {name}", trace, attributes, start_ms=at, end_ms=max(now, at), kind="consumer"
                )
