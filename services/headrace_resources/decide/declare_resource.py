"""A command declares a resource, or changes its capacity. The last declaration holds."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.resource_events import ResourceDeclared
from headrace_resources.decide.lease_requested import full, refused, too_many
from headrace_resources.decide.limits import EVENTS_PER_ROUND
from headrace_resources.decide.round import Round


def declare_resource(round_: Round, command: DeclareResource) -> Iterator[Message]:
    """Record the capacity, and refuse those who wait for more than there will ever be.

    A capacity below what is held takes nothing from its holders: nothing is granted until enough has come back.
    """
    resource = round_.state.resources.get(command.resource)
    if resource is not None and resource.declared and resource.capacity == command.capacity:
        return
    yield ResourceDeclared(
        resource=command.resource,
        capacity=command.capacity,
        declared_by=command.declared_by,
        at=round_.now_ms,
    )
    waiting = resource.waiting if resource is not None else []
    for claim in [claim for claim in waiting if claim.units > command.capacity][:EVENTS_PER_ROUND]:
        cause = too_many(command.resource, claim.units, command.capacity)
        yield refused(round_, command.resource, claim.units, claim.holder, cause)


def objection(round_: Round, command: DeclareResource) -> str:
    """Return why a command cannot be followed; empty when it can."""
    if not command.resource:
        return "Expected a resource's name, but the command has none"
    if command.capacity < 1:
        return f"Expected a capacity of at least 1 for resource {command.resource!r}, but found {command.capacity}"
    if command.resource not in round_.state.resources and len(round_.state.resources) >= round_.most_resources:
        return full(round_, command.resource)
    home = shard_of(command.resource, round_.shards)
    if home != round_.shard:
        return (
            f"Expected resource {command.resource!r} on partition {home} (murmur2 of its name modulo {round_.shards}), "
            f"but the command came on partition {round_.shard}"
        )
    return ""
