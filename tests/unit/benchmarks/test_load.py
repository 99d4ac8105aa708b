"""How the benchmarks start workflows: never more at once than allowed, in bursts, until all have ended or park."""

from __future__ import annotations

from collections import deque

from benchmarks.load import Load
from benchmarks.watch import Seen
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.workflow_events import WorkflowSucceeded


class System:
    """Answers every start at the second poll after it: with its end, or with a timer."""

    def __init__(self, *, parks: bool = False) -> None:
        self.parks = parks
        self.bursts: list[int] = []
        self._new: list[str] = []
        self._open: deque[str] = deque()
        self.most_open = 0
        self.now = 0.0
        self.is_dumb = False

    def send(self, command: StartWorkflow) -> None:
        self._new.append(command.workflow_id)

    def poll(self, wait_ms: int) -> list[Seen]:
        self.now += 1.0
        if self.is_dumb:
            return []
        answered = [self._answer(workflow_id) for workflow_id in list(self._open)[:7]]
        self._open = deque(list(self._open)[7:])
        if self._new:
            self.bursts.append(len(self._new))
        self._open += self._new
        self._new = []
        self.most_open = max(self.most_open, len(self._open))
        return [Seen((0, 1), answered)] if answered else []

    def end_all(self, workflow_ids: list[str]) -> None:
        self.parks = False
        self._open += workflow_ids

    def _answer(self, workflow_id: str) -> Message:
        if self.parks:
            return TimerStarted(workflow_id=workflow_id, run_id="r", step=0, node="n", due_at=9, at=1)
        return WorkflowSucceeded(workflow_id=workflow_id, run_id="r", output=b"1", at=1)


def test_a_load_keeps_its_number_in_flight_and_starts_in_bursts() -> None:
    system = System()
    tally = Load(system.send, system.poll, "w", count=1000, in_flight=200).run()
    assert (len(tally.started), tally.lost, tally.duplicated) == (1000, 0, 0)
    assert system.most_open <= 200
    # Seven end at a time, but ten make a burst; only the last may be smaller.
    assert min(system.bursts[:-1]) >= 10


def test_one_in_flight_is_one_at_a_time() -> None:
    system = System()
    assert Load(system.send, system.poll, "w", count=5, in_flight=1).run().lost == 0
    assert system.bursts == [1] * 5


def test_the_time_being_over_ends_the_starts_but_not_the_wait() -> None:
    system = System()
    load = Load(system.send, system.poll, "w", count=1000, in_flight=10, seconds=20.0, clock=lambda: system.now)
    tally = load.run()
    assert 0 < len(tally.started) < 200
    assert tally.lost == 0
    assert system.now > 20.0


def test_silence_ends_the_wait_and_what_has_not_ended_is_lost() -> None:
    system = System()
    system.is_dumb = True
    load = Load(system.send, system.poll, "w", count=30, in_flight=10, clock=lambda: system.now)
    assert load.run().lost == 10
    assert load.run_to_the_last_end().lost == 10


def test_what_is_parked_is_not_waited_for_until_somebody_asks() -> None:
    system = System(parks=True)
    load = Load(system.send, system.poll, "w", count=50, in_flight=20)
    tally = load.run()
    assert (tally.parked, tally.open, tally.in_flight) == (50, 50, 0)
    system.end_all(list(tally.started))
    assert load.run_to_the_last_end().lost == 0
    assert (tally.parked, tally.open) == (0, 0)
