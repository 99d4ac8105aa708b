"""No resource is ever overdrawn, tokens grow, and every lease comes back."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted, LeaseReleased
from tests.support.checkers.history import History


def check_leases(history: History, capacities: Mapping[str, int]) -> list[str]:
    """Return what is wrong in `resource.journal`, once nothing runs any more. `capacities` by resource."""
    problems = []
    held: dict[str, dict[int, LeaseGranted]] = {}
    last: dict[str, int] = {}
    for _, event in history.of_type(LeaseGranted, LeaseReleased):
        mine = held.setdefault(event.resource, {})
        if isinstance(event, LeaseReleased):
            if event.fencing_token and mine.pop(event.fencing_token, None) is None:
                problems.append(f"{event.resource}: token {event.fencing_token} came back, but nobody held it")
            continue
        if event.fencing_token <= last.get(event.resource, 0):
            problems.append(f"{event.resource}: token {event.fencing_token} came after {last[event.resource]}")
        last[event.resource] = event.fencing_token
        if any(_same(event.holder, other.holder) for other in mine.values()):
            problems.append(f"{event.resource}: {event.holder} holds two leases")
        mine[event.fencing_token] = event
        units = sum(grant.units for grant in mine.values())
        if event.resource in capacities and units > capacities[event.resource]:
            problems.append(f"{event.resource}: {units} units are held of {capacities[event.resource]}")
    problems += [f"{name}: {grant.holder} never gave its lease back" for name in held for grant in held[name].values()]
    return problems


def _same(one: LeaseHolder, other: LeaseHolder) -> bool:
    return (one.run_id, one.step, one.attempt) == (other.run_id, other.step, other.attempt)
