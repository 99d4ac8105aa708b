"""Who gets what is free: by priority, then first come, first served; nobody passes the head of the queue."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted, LeaseQueued
from headrace_resources.decide.lease_requested import refused, too_many
from headrace_resources.decide.limits import EVENTS_PER_ROUND
from headrace_resources.decide.round import Request, Round
from headrace_resources.state import Claim


def settle(round_: Round) -> Iterator[Message]:
    """Grant, refuse or queue the round's requests, and grant what can be granted of those that wait."""
    by_resource: dict[str, list[Request]] = {}
    for request in round_.requests.values():
        by_resource.setdefault(request.resource, []).append(request)
    # An ending run may hold the next turn: its releases come first, in the rounds that are pending.
    budget = 0 if round_.state.ending else EVENTS_PER_ROUND
    for name in [*by_resource, *(name for name in sorted(round_.state.unsettled) if name not in by_resource)]:
        for event in _settle_resource(round_, name, by_resource.get(name, []), budget):
            budget -= 1
            yield event


def _settle_resource(round_: Round, name: str, requests: list[Request], budget: int) -> Iterator[Message]:
    resource = round_.state.resources.get(name)
    arriving = sorted(requests, key=lambda request: -request.priority)
    while budget > 0 and resource is not None and resource.declared:
        waiting = resource.head()
        if waiting is not None and (not arriving or waiting.priority >= arriving[0].priority):
            if not resource.head_can_move():
                break
            yield _grant_or_refuse(round_, waiting)
        elif arriving and arriving[0].units <= resource.free:
            request = arriving.pop(0)
            yield _granted(round_, name, request.units, request.holder)
        else:
            break
        budget -= 1
    # What has not got its turn waits, in the order in which it came.
    left = {id(request) for request in arriving}
    for request in requests:
        if id(request) in left:
            yield LeaseQueued(
                resource=name,
                units=request.units,
                priority=request.priority,
                holder=request.holder,
                at=round_.now_ms,
            )


def _grant_or_refuse(round_: Round, claim: Claim) -> Message:
    capacity = round_.state.resources[claim.resource].capacity
    if claim.units > capacity:
        cause = too_many(claim.resource, claim.units, capacity)
        return refused(round_, claim.resource, claim.units, claim.holder, cause)
    return _granted(round_, claim.resource, claim.units, claim.holder)


def _granted(round_: Round, name: str, units: int, holder: LeaseHolder) -> LeaseGranted:
    return LeaseGranted(
        resource=name,
        units=units,
        fencing_token=round_.state.resources[name].last_token + 1,
        holder=holder,
        to_shard=holder.shard,
        at=round_.now_ms,
    )
