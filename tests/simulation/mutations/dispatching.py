"""Mutations of what the dispatcher gives out and takes back."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import msgspec

from headrace.contracts.dispatch_events import TaskRequeued
from headrace.contracts.message import Message
from headrace_execution.dispatcher import evolve, permits
from headrace_execution.dispatcher.decide import placement
from headrace_execution.dispatcher.lanes import Flow
from headrace_execution.dispatcher.limits import Limit
from headrace_execution.dispatcher.notes import notes_for
from headrace_execution.dispatcher.state import RUNNING, DispatcherState, Worker
from tests.simulation.mutations.swapping import swapped, swapped_entry, swapped_everywhere


def limits_are_not_heeded() -> AbstractContextManager[None]:
    """A limit lets everything through."""
    return swapped(Limit, "open", lambda _: lambda limit, now_ms: True)


def permits_of_stopped_tasks_stay_out() -> AbstractContextManager[None]:
    """A permit comes back with a result, and not when a worker lets go of a task that was stopped."""

    def make(original: Any) -> Any:
        def give_back(state: DispatcherState, assignment: int, task: Any) -> None:
            if state.assignments[assignment].phase == RUNNING:
                original(state, assignment, task)

        return give_back

    return swapped(permits, "give_back", make)


def one_slot_comes_back() -> AbstractContextManager[None]:
    """Of several slots that a task took, one comes back."""

    def make(original: Any) -> Any:
        def free_slot(state: DispatcherState, assignment: Any) -> None:
            worker = state.workers.get(assignment.worker)
            before = worker.used.get(assignment.queue, 0) if worker is not None else 0
            original(state, assignment)
            if worker is not None and assignment.queue in worker.used:
                worker.used[assignment.queue] = min(worker.used[assignment.queue] + assignment.slots - 1, before)

        return free_slot

    return swapped(evolve, "free_slot", make)


def handles_are_forgotten() -> AbstractContextManager[None]:
    """Who is given an attempt next does not learn that it was submitted already."""

    def forgetful(state: DispatcherState, task: Any) -> Any:
        noted = notes_for(state, task)
        return None if noted is None else msgspec.structs.replace(noted, handle=b"")

    return swapped_everywhere(notes_for, forgetful)


def what_is_handed_back_is_not_queued_again() -> AbstractContextManager[None]:
    """A task that a worker hands back when it stops leaves its worker, and waits for nobody."""
    original = evolve.EVOLVERS[TaskRequeued]

    def requeued(state: DispatcherState, event: Message) -> None:
        original(state, event)
        assert isinstance(event, TaskRequeued)
        attempt = state.open.get((event.run_id, event.step, event.attempt))
        if event.reason == "handed_back" and attempt is not None and not attempt.assignment:
            state.queues.remove(attempt)

    return swapped_entry(evolve.EVOLVERS, TaskRequeued, requeued)


def labels_are_not_heeded() -> AbstractContextManager[None]:
    """Any worker will do."""
    return swapped(Worker, "fits", lambda _: lambda worker, queue, task, slots, *rest: queue in worker.offers)


def the_first_worker_is_taken() -> AbstractContextManager[None]:
    """The first worker with room is taken, however much is free elsewhere."""

    def make(original: Any) -> Any:
        def pick(state: DispatcherState, task: Any, kept: str = "") -> Worker | None:
            best: Worker | None = original(state, task, kept)
            names = sorted(state.offers.get((task.queue, task.task), ())) if best is not None else []
            plain = task.rules is None and not state.quarantine
            free = [name for name in names if state.workers[name].free(task.queue) > 0 and name != kept]
            return state.workers[free[0]] if plain and free else best

        return pick

    return swapped(placement, "pick", make)


def priority_is_ignored() -> AbstractContextManager[None]:
    """Who came first is next, whatever the priority."""
    return swapped(Flow, "order", lambda _: lambda flow, arrival: (0, 0.0, arrival))
