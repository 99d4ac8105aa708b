"""What a resource shard knows: its resources, who holds units, who waits.

A *claim* is one attempt's wish for units of one resource. It waits (token 0) or holds (token > 0). A (run, step) has
at most one claim, since a lease belongs to one attempt and attempts follow one another.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from headrace.contracts.references import LeaseHolder
from headrace.shard.entries import Changed


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's claim on a resource. `arrival` numbers a shard's waiting claims in order of coming; `asked_at` is
    when it began to wait, in ms since the epoch.
    """

    resource: str
    units: int
    priority: int
    holder: LeaseHolder
    token: int = 0
    arrival: int = 0
    asked_at: int = 0

    @property
    def turn(self) -> tuple[int, int]:
        """Return what orders waiting claims: higher priority first, then first come, first served."""
        return (-self.priority, self.arrival)


@dataclass(slots=True, kw_only=True)
class Resource:
    """A named semaphore. `last_token` only grows; `held` may exceed `capacity` after the capacity was lowered.

    One that is not `declared` was only asked for: claims wait for its declaration, and it goes with the last of them.
    """

    capacity: int
    declared: bool = True
    held: int = 0
    last_token: int = 0
    waiting: list[Claim] = field(default_factory=list)

    @property
    def free(self) -> int:
        """Return the units that nobody holds; negative after the capacity was lowered below what is held."""
        return self.capacity - self.held

    def head(self) -> Claim | None:
        """Return the claim whose turn it is. Nobody passes it, so a large one is not starved by small ones."""
        return self.waiting[0] if self.waiting else None

    def head_can_move(self) -> bool:
        """Tell whether the first waiting claim can be granted, or can never be."""
        head = self.head()
        return self.declared and head is not None and (head.units <= self.free or head.units > self.capacity)


@dataclass(slots=True, kw_only=True)
class ShardState:
    """The fold of a resource shard's journal.

    `unsettled` names the resources whose queue can move; it is empty when nothing is pending. `undeclared` names
    those that were only asked for. `ending` holds runs that
    have ended while claims of theirs are left, with the ending's name. Dicts stand for ordered sets: no hash order.
    """

    resources: dict[str, Resource] = field(default_factory=dict)
    runs: dict[str, dict[int, Claim]] = field(default_factory=dict)
    unsettled: dict[str, None] = field(default_factory=dict)
    undeclared: dict[str, None] = field(default_factory=dict)
    ending: dict[str, str] = field(default_factory=dict)
    arrivals: int = 0
    changed_resources: Changed[str] = field(default_factory=Changed)
    changed_claims: Changed[tuple[str, int]] = field(default_factory=Changed)

    def claim(self, run_id: str, step: int) -> Claim | None:
        """Return the claim of a step of a run, if there is one."""
        return self.runs.get(run_id, {}).get(step)

    def claims(self) -> Iterator[Claim]:
        """Yield every claim, run by run."""
        for steps in self.runs.values():
            yield from steps.values()

    def put(self, claim: Claim) -> None:
        """Add a claim that is not there yet."""
        resource = self.resources[claim.resource]
        self.changed_claims.made((claim.holder.run_id, claim.holder.step))
        self.changed_resources.touched(claim.resource)
        self.runs.setdefault(claim.holder.run_id, {})[claim.holder.step] = claim
        if claim.token:
            resource.held += claim.units
            resource.last_token = max(resource.last_token, claim.token)
        else:
            insort(resource.waiting, claim, key=lambda waiting: waiting.turn)
        self.note(claim.resource)

    def remove(self, run_id: str, step: int) -> Claim | None:
        """Take a claim out and return it; None when there is none."""
        steps = self.runs.get(run_id, {})
        claim = steps.pop(step, None)
        if claim is None:
            return None
        self.changed_claims.touched((run_id, step))
        self.changed_resources.touched(claim.resource)
        if not steps:
            del self.runs[run_id]
            self.ending.pop(run_id, None)
        resource = self.resources[claim.resource]
        if claim.token:
            resource.held -= claim.units
        else:
            at = bisect_left(resource.waiting, claim.turn, key=lambda waiting: waiting.turn)
            assert resource.waiting[at] is claim, f"Expected {claim} at its turn, but found {resource.waiting[at]}"
            del resource.waiting[at]
        if resource.declared or resource.waiting:
            self.note(claim.resource)
        else:
            del self.resources[claim.resource]
            self.undeclared.pop(claim.resource)
        return claim

    def note(self, name: str) -> None:
        """Bring `unsettled` up to date for one resource."""
        if self.resources[name].head_can_move():
            self.unsettled[name] = None
        else:
            self.unsettled.pop(name, None)
