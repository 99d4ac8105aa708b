"""Results that a worker remembers: the last ones, by their size."""

from __future__ import annotations

from headrace.authoring.task_calls import Succeeded
from headrace_execution.worker.remembered import Remembered
from tests.unit.execution.dispatcher_shard import scheduled


def test_a_result_is_found_by_its_attempt_and_lease() -> None:
    remembered = Remembered(10_000)
    remembered.keep(scheduled(1, attempt=2, token=3), Succeeded(output=b"7"))
    assert remembered.result_of(scheduled(1, attempt=2, token=3)) == Succeeded(output=b"7")
    for other in (scheduled(2, attempt=2, token=3), scheduled(1, attempt=1, token=3), scheduled(1, attempt=2, token=4)):
        assert remembered.result_of(other) is None


def test_the_oldest_make_room() -> None:
    remembered = Remembered(3_000)
    for step in range(10):
        remembered.keep(scheduled(step), Succeeded(output=b"x" * 700))
    assert [step for step in range(10) if remembered.result_of(scheduled(step))] == [7, 8, 9]
    remembered.keep(scheduled(9), Succeeded(output=b"x" * 5_000))
    assert len(remembered) == 0, "one that is larger than all that may be kept is not kept"
    Remembered(0).keep(scheduled(), Succeeded(output=b""))
