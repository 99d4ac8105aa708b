"""Long records in a snapshot: written once, restored whole, gone with their run."""

from __future__ import annotations

import pytest

from headrace.contracts.task_events import TaskScheduled
from headrace.engine.long_records import PART
from tests.support.snapshots import merge
from tests.unit.engine.decision_shard import DecisionShard, only
from tests.unit.engine.workflows import sequence

STEPS = 2 * PART + 20


class Long:
    """A workflow of many steps, one after the other, with checkpoints on the way."""

    def __init__(self) -> None:
        self.shard = DecisionShard(sequence, replays=False)
        self.written: list[int] = []
        self.task = only(self.shard.start("sequence", {"n": STEPS}), TaskScheduled)

    def step(self, count: int, *, every: int = 20) -> None:
        """Complete so many steps, with a checkpoint after every few."""
        for number in range(1, count + 1):
            self.task = only(self.shard.complete(self.task, "x" * 20), TaskScheduled)
            if number % every == 0:
                self.checkpoint()

    def start_again(self) -> None:
        """End the run, and begin another."""
        self.shard.terminate()
        started = self.shard.start("sequence", {"n": STEPS}, command_id=self.task.run_id, if_exists="rerun")
        self.task = only(started, TaskScheduled)

    def checkpoint(self) -> None:
        self.written.append(merge(self.shard.entries, self.shard.decider.changes(self.shard.state)))

    def restart(self) -> None:
        """Go on from the snapshot in a new process."""
        self.checkpoint()
        before = self.shard.state.runs["w"]
        self.shard.new_process()
        self.shard.state = self.shard.decider.restored(sorted(self.shard.entries.items()))
        assert self.shard.state.runs["w"] == before

    def parts(self) -> list[str]:
        return sorted(key for key in self.shard.entries if key.startswith("h/"))


def test_a_checkpoint_writes_what_is_new_of_a_long_record() -> None:
    long = Long()
    long.step(STEPS - 5)
    assert long.parts() == ["h/w/e000000", "h/w/e000001", "h/w/s000000", "h/w/s000001"]
    # A part is written once; before it is whole, what there is of it is written again.
    assert max(long.written[:20]) > 0
    assert max(long.written) < 4 * max(long.written[: PART // 20])


@pytest.mark.parametrize("steps", [PART - 1, PART, PART + 1, 2 * PART + 3])
def test_a_long_run_goes_on_after_a_restart(steps: int) -> None:
    long = Long()
    long.step(steps, every=100)
    for _ in range(3):
        long.restart()
        long.step(2)
    assert long.task.step == steps + 6


def test_the_parts_go_with_the_run() -> None:
    long = Long()
    long.step(2 * PART)
    long.restart()
    long.shard.terminate()
    long.checkpoint()
    assert not [key for key in long.shard.entries if key[0] in "rh"]


def test_another_run_under_the_same_id_writes_parts_of_its_own() -> None:
    long = Long()
    long.step(2 * PART)
    long.restart()
    long.start_again()
    long.step(PART + 10, every=1_000)
    long.restart()
    assert long.parts() == ["h/w/e000000", "h/w/s000000"]


def test_a_snapshot_that_lacks_a_part_is_refused() -> None:
    long = Long()
    long.step(PART + 10)
    long.checkpoint()
    del long.shard.entries["h/w/e000000"]
    with pytest.raises(ValueError, match="the snapshot is damaged"):
        long.shard.decider.restored(sorted(long.shard.entries.items()))
