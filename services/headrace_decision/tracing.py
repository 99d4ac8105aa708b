"""Spans around decisions: the shell's business, since a decider knows no clock."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.commands import CompleteTask, FailTask, StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleFired
from headrace.engine.decider import DecisionDecider
from headrace.engine.evolve.workflow import END_STATUS
from headrace.engine.state import ShardState
from headrace.runtime import telemetry
from headrace.shard.decider import Input


class TracedDecider(DecisionDecider):
    """The decider of a service that traces: one span per command, and one over the whole of each workflow."""

    def decide(self, state: ShardState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield the events that follow from an input, under a span where the input carries a trace."""
        command = item.message
        if not isinstance(command, StartWorkflow | CompleteTask | FailTask) or not item.trace:
            yield from _with_traces(super().decide(state, item, now_ms))
            return
        attributes: dict[str, str | int] = {
            "headrace.workflow_id": command.workflow_id,
            "headrace.shard": self.context.shards.shard,
        }
        with telemetry.start_span(f"decide {command.type_name()}", item.trace, attributes, "consumer") as trace:
            for event in _with_traces(super().decide(state, msgspec.structs.replace(item, trace=trace), now_ms)):
                yield event
                if type(event) in END_STATUS:
                    self._ended(event)

    def tick(self, state: ShardState, now_ms: int) -> Iterator[Message]:
        """Yield the events of the timers that are due by now."""
        return _with_traces(super().tick(state, now_ms))

    @staticmethod
    def _ended(event: Message) -> None:
        trace, started_at, ended_at = (getattr(event, name) for name in ("trace", "started_at", "at"))
        attributes = {
            "headrace.workflow_id": getattr(event, "workflow_id", ""),
            "headrace.status": END_STATUS[type(event)],
        }
        telemetry.record_span("workflow", trace, attributes, start_ms=started_at, end_ms=ended_at)


def _with_traces(events: Iterator[Message]) -> Iterator[Message]:
    """Yield events; what a schedule starts has no trace to go on with, so it begins one."""
    for event in events:
        if isinstance(event, ScheduleFired) and not event.trace:
            attributes = {"headrace.workflow_id": event.workflow_id, "headrace.schedule_id": event.schedule_id}
            with telemetry.start_span("fire schedule", "", attributes, "producer") as trace:
                begun = msgspec.structs.replace(event, trace=trace)
            yield begun
        else:
            yield event
