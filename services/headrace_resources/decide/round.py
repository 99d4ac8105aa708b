"""What one decision carries between its parts: the state, the time, and the requests that came with this input.

All endings of an input are taken before any of its requests, so that units which come back in the same record go to
whoever's turn it is, and nothing is granted to a task that the next event of the record cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseReleased
from headrace_resources.decide.limits import RESOURCES_PER_SHARD
from headrace_resources.state import Claim, ShardState


@dataclass(slots=True, kw_only=True)
class Request:
    """A request of this input that is neither queued nor granted yet."""

    resource: str
    units: int
    priority: int
    holder: LeaseHolder


@dataclass(slots=True, kw_only=True)
class Round:
    """One decision. `shard` of `shards` tells which resources are ours, `from_shard` which decision shard speaks."""

    state: ShardState
    now_ms: int
    shard: int = 0
    shards: int = 1
    from_shard: int = 0
    most_resources: int = RESOURCES_PER_SHARD
    requests: dict[tuple[str, int], Request] = field(default_factory=dict)

    def release(self, claim: Claim, reason: str) -> LeaseReleased:
        """Return the event that ends a claim, whether it holds or waits."""
        return LeaseReleased(
            resource=claim.resource,
            units=claim.units,
            fencing_token=claim.token,
            holder=claim.holder,
            reason=reason,
            at=self.now_ms,
        )
