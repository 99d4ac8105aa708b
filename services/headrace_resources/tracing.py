"""Spans around decisions: the shell's business, since a decider knows no clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

from headrace.contracts.journal import JournalRecord
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.runtime import telemetry
from headrace.shard.decider import Input
from headrace_resources.decider import ResourceDecider
from headrace_resources.state import ShardState


class TracedDecider(ResourceDecider):
    """The decider of a service that traces: one span for every request of a traced workflow."""

    def decide(self, state: ShardState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield the events that follow from an input."""
        began_ms = time.time_ns() // 1_000_000
        yield from super().decide(state, item, now_ms)
        for event in item.message.events if isinstance(item.message, JournalRecord) else ():
            if isinstance(event, LeaseRequested) and event.trace:
                attributes: dict[str, str | int | float | bool] = {
                    "headrace.workflow_id": event.workflow_id,
                    "headrace.resource": event.resource,
                }
                ended_ms = time.time_ns() // 1_000_000
                name = "decide LeaseRequested"
                telemetry.record_span(
                    name, event.trace, attributes, start_ms=began_ms, end_ms=ended_ms, kind="consumer"
                )
