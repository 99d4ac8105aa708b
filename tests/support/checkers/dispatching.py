"""Slots are conserved, and never do two workers have one attempt."""

from __future__ import annotations

from headrace.contracts.dispatch_events import AssignmentsEnded, AttemptLost, TaskAssigned, TaskRequeued
from headrace.contracts.worker_events import WorkerJoined
from tests.support.checkers.history import History


def check_dispatching(history: History) -> list[str]:
    """Return what is wrong in `task.journal`, once nothing runs any more."""
    problems = []
    for shard in sorted({entry.place.partition for entry in history.entries if entry.place.topic == "task.journal"}):
        problems += _Shard(shard).check(history)
    return problems


class _Shard:
    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.problems: list[str] = []
        self.slots: dict[tuple[str, str, str], int] = {}
        self.open: dict[int, TaskAssigned] = {}
        self.last = 0

    def check(self, history: History) -> list[str]:
        for entry in history.entries:
            if entry.place.topic != "task.journal" or entry.place.partition != self.shard:
                continue
            match entry.event:
                case WorkerJoined() as joined:
                    for offer in joined.offers:
                        self.slots[joined.worker, joined.session, offer.queue] = offer.slots
                case TaskAssigned() as assigned:
                    self._assigned(assigned)
                case AssignmentsEnded() as ended:
                    for number in ended.assignments:
                        self.open.pop(number, None)
                case TaskRequeued() | AttemptLost() as gone:
                    self.open.pop(gone.assignment, None)
        self.problems += [
            f"assignment {number} ({a.task.workflow_id} step {a.task.step}) to {a.worker} never ended"
            for number, a in self.open.items()
        ]
        return self.problems

    def _assigned(self, event: TaskAssigned) -> None:
        if event.assignment <= self.last:
            self.problems.append(f"assignment {event.assignment} came after {self.last}")
        self.last = event.assignment
        key = (event.task.run_id, event.task.step, event.task.attempt)
        mine = (event.worker, event.session, event.task.queue)
        held = 0
        for number, other in self.open.items():
            if (other.task.run_id, other.task.step, other.task.attempt) == key:
                self.problems.append(f"assignments {number} and {event.assignment} run one attempt: {key}")
            held += (other.worker, other.session, other.task.queue) == mine
        self.open[event.assignment] = event
        if held + 1 > self.slots.get(mine, 0):
            self.problems.append(f"{mine} got assignment {event.assignment} with {held} of {self.slots.get(mine)} busy")
