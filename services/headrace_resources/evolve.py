"""How each event of `resource.journal` changes the state. Live and replay share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted, LeaseQueued, LeaseRefused, LeaseReleased, ResourceDeclared
from headrace.contracts.workflow_events import (
    CommandRejected,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace_resources.state import Claim, Resource, ShardState

RUN_ENDINGS: tuple[type[Message], ...] = (
    WorkflowSucceeded,
    WorkflowFailed,
    WorkflowCancelled,
    WorkflowTerminated,
    WorkflowTimedOut,
)
_RUN_ENDING_NAMES = frozenset(ending.type_name() for ending in RUN_ENDINGS)


def evolve(state: ShardState, event: Message) -> None:
    """Change the state by one event."""
    EVOLVERS[type(event)](state, event)


def _declared(state: ShardState, event: ResourceDeclared) -> None:
    resource = state.resources.get(event.resource)
    if resource is None:
        state.changed_resources.made(event.resource)
        state.resources[event.resource] = Resource(capacity=event.capacity)
    else:
        state.changed_resources.touched(event.resource)
        resource.capacity = event.capacity
        resource.declared = True
        state.undeclared.pop(event.resource, None)
        state.note(event.resource)


def _queued(state: ShardState, event: LeaseQueued) -> None:
    state.arrivals += 1
    if event.resource not in state.resources:
        state.changed_resources.made(event.resource)
        state.resources[event.resource] = Resource(capacity=0, declared=False)
        state.undeclared[event.resource] = None
    state.put(
        Claim(
            resource=event.resource,
            units=event.units,
            priority=event.priority,
            holder=event.holder,
            arrival=state.arrivals,
            asked_at=event.at,
        )
    )


def _granted(state: ShardState, event: LeaseGranted) -> None:
    waiting = state.remove(event.holder.run_id, event.holder.step)
    state.put(
        Claim(
            resource=event.resource,
            units=event.units,
            priority=waiting.priority if waiting else 0,
            holder=event.holder,
            token=event.fencing_token,
        )
    )


def _released(state: ShardState, event: LeaseReleased) -> None:
    # The first claim that a run's end takes marks the run, so that a fold of half of the releases knows of the rest.
    if event.reason in _RUN_ENDING_NAMES:
        state.ending[event.holder.run_id] = event.reason
    state.remove(event.holder.run_id, event.holder.step)


def _refused(state: ShardState, event: LeaseRefused) -> None:
    claim = state.claim(event.holder.run_id, event.holder.step)
    if claim is not None and claim.token == 0 and _same(claim.holder, event.holder):
        state.remove(event.holder.run_id, event.holder.step)


def _nothing(state: ShardState, event: CommandRejected) -> None:
    """A refusal changes nothing."""


def _same(one: LeaseHolder, other: LeaseHolder) -> bool:
    return (one.run_id, one.step, one.attempt) == (other.run_id, other.step, other.attempt)


EVOLVERS: dict[type[Message], Callable[[ShardState, Any], None]] = {
    ResourceDeclared: _declared,
    LeaseQueued: _queued,
    LeaseGranted: _granted,
    LeaseReleased: _released,
    LeaseRefused: _refused,
    CommandRejected: _nothing,
}
