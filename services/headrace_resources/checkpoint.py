"""The state as entries of a snapshot, and back.

    s                counters, and the ended runs of which claims are left
    r/RESOURCE       a resource
    c/RUN/STEP       a claim, waiting or held

What is held of a resource, who waits for it and in what order, and which queues can move follow from these.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator

from headrace.contracts.references import LeaseHolder
from headrace.shard.entries import Entry, key_part, pack, unknown, unpacker
from headrace_resources.state import Claim, Resource, ShardState

_SHARD = "s"


class ShardEntry(Entry, array_like=True, kw_only=True):
    """What there is once."""

    arrivals: int
    ending: dict[str, str]


class ResourceEntry(Entry, array_like=True, kw_only=True):
    """A resource, without its claims."""

    name: str
    capacity: int
    declared: bool
    last_token: int


class ClaimEntry(Entry, array_like=True, kw_only=True):
    """A claim."""

    resource: str
    units: int
    priority: int
    holder: LeaseHolder
    token: int
    arrival: int
    asked_at: int


_shard = unpacker(ShardEntry)
_resource = unpacker(ResourceEntry)
_claim = unpacker(ClaimEntry)


def changes(state: ShardState) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time, and forget it."""
    if not (len(state.changed_resources) or len(state.changed_claims)):
        return
    yield _SHARD, pack(ShardEntry(arrivals=state.arrivals, ending=state.ending))
    for name, value in state.changed_resources.take(lambda name: _pack_resource(name, state.resources.get(name))):
        yield f"r/{key_part(name)}", value
    for (run_id, step), value in state.changed_claims.take(lambda key: _pack_claim(state.claim(*key))):
        yield f"c/{key_part(run_id)}/{step}", value


def restored(entries: Iterable[tuple[str, bytes]]) -> ShardState:
    """Return the state that entries describe. Raises ValueError for what this code cannot read."""
    state = ShardState()
    claims: list[Claim] = []
    for key, value in entries:
        match key[:2]:
            case "r/":
                _take_resource(state, _resource(key, value))
            case "c/":
                claims.append(_open(_claim(key, value)))
            case _ if key == _SHARD:
                shard = _shard(key, value)
                state.arrivals, state.ending = shard.arrivals, shard.ending
            case _:
                raise unknown(key)
    for claim in claims:
        _take_claim(state, claim)
    for name in state.resources:
        state.note(name)
    return state


def _pack_resource(name: str, resource: Resource | None) -> bytes | None:
    if resource is None:
        return None
    return pack(
        ResourceEntry(name=name, capacity=resource.capacity, declared=resource.declared, last_token=resource.last_token)
    )


def _take_resource(state: ShardState, entry: ResourceEntry) -> None:
    state.resources[entry.name] = Resource(
        capacity=entry.capacity, declared=entry.declared, last_token=entry.last_token
    )
    if not entry.declared:
        state.undeclared[entry.name] = None


def _pack_claim(claim: Claim | None) -> bytes | None:
    if claim is None:
        return None
    return pack(
        ClaimEntry(
            resource=claim.resource,
            units=claim.units,
            priority=claim.priority,
            holder=claim.holder,
            token=claim.token,
            arrival=claim.arrival,
            asked_at=claim.asked_at,
        )
    )


def _open(entry: ClaimEntry) -> Claim:
    return Claim(
        resource=entry.resource,
        units=entry.units,
        priority=entry.priority,
        holder=entry.holder,
        token=entry.token,
        arrival=entry.arrival,
        asked_at=entry.asked_at,
    )


def _take_claim(state: ShardState, claim: Claim) -> None:
    """Like `ShardState.put`, but for what was there before: nothing has changed."""
    state.runs.setdefault(claim.holder.run_id, {})[claim.holder.step] = claim
    resource = state.resources[claim.resource]
    if claim.token:
        resource.held += claim.units
    else:
        insort(resource.waiting, claim, key=lambda waiting: waiting.turn)
