"""Spans around dispatching: the shell's business, since a decider knows no clock."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.message import Message
from headrace.runtime import telemetry
from headrace.shard.decider import Input
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.state import DispatcherState


class TracedDecider(DispatcherDecider):
    """The decider of a service that traces: one span per assignment, from ready to given away."""

    def decide(self, state: DispatcherState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield what follows from an input, assignments under their spans."""
        return _traced(super().decide(state, item, now_ms))

    def tick(self, state: DispatcherState, now_ms: int) -> Iterator[Message]:
        """Yield what follows from time, assignments under their spans."""
        return _traced(super().tick(state, now_ms))

    def resume(self, state: DispatcherState, now_ms: int) -> Iterator[Message]:
        """Yield the rest, assignments under their spans."""
        return _traced(super().resume(state, now_ms))


def _traced(events: Iterator[Message]) -> Iterator[Message]:
    for event in events:
        if not isinstance(event, TaskAssigned) or not event.task.trace:
            yield event
            continue
        task = event.task
        attributes: dict[str, str | int | float | bool] = {
            "headrace.workflow_id": task.workflow_id,
            "headrace.queue": task.queue,
            "headrace.worker": event.worker,
            "headrace.assignment": event.assignment,
        }
        trace = telemetry.record_span(
            f"dispatch {task.task}", task.trace, attributes, start_ms=task.at, end_ms=event.at
        )
        yield msgspec.structs.replace(event, task=msgspec.structs.replace(task, trace=trace))
