"""No resource is held beyond its capacity, tokens only grow, and at rest everything has come back."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.resource_events import LeaseGranted, LeaseRefused, LeaseReleased, ResourceDeclared
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import RESOURCE_JOURNAL
from tests.simulation.checkers.histories import History
from tests.simulation.checkers.journals import Journals


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    capacity: dict[str, int] = {}
    held: dict[str, dict[int, int]] = {}
    last: dict[str, int] = {}
    granted: dict[tuple[str, int], LeaseGranted] = {}
    for found, _, event in journals.events(RESOURCE_JOURNAL):
        at = f"{found.where}@{found.entry.offset}"
        match event:
            case ResourceDeclared():
                capacity[event.resource] = event.capacity
            case LeaseGranted():
                units = held.setdefault(event.resource, {})
                if event.fencing_token <= last.get(event.resource, 0):
                    yield f"{at} Expected a token after {last[event.resource]}, but found {event}"
                last[event.resource] = event.fencing_token
                units[event.fencing_token] = event.units
                granted[event.resource, event.fencing_token] = event
                if sum(units.values()) > capacity.get(event.resource, 0):
                    most = capacity.get(event.resource)
                    yield f"{at} Expected at most {most} units of {event.resource}, but: {units}"
            case LeaseReleased():
                if event.fencing_token:
                    units = held.get(event.resource, {})
                    if units.pop(event.fencing_token, None) != event.units:
                        yield f"{at} Expected a lease to be given back that is held, but found {event}"
            case LeaseRefused():
                yield f"{at} Expected every request to be granted, but found {event}"
    for resource, units in held.items():
        if units:
            yield f"Expected nothing of {resource} to be held at rest, but found tokens {sorted(units)}"
    yield from _tokens(granted, runs)


def _tokens(granted: dict[tuple[str, int], LeaseGranted], runs: dict[str, History]) -> Iterator[str]:
    """An attempt goes out with a token that was granted to it, each token once."""
    used: set[tuple[str, int]] = set()
    for run in runs.values():
        for _, event in run.events:
            if not isinstance(event, TaskScheduled) or not event.fencing_token:
                continue
            key = (event.resource, event.fencing_token)
            grant = granted.get(key)
            holder = grant.holder if grant is not None else None
            mine = (event.run_id, event.step, event.attempt)
            if holder is None or (holder.run_id, holder.step, holder.attempt) != mine or key in used:
                yield f"{run.name}: Expected a token of its own, unused, but {event} has that of {holder}"
            used.add(key)
