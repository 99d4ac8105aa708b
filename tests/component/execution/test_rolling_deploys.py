"""Old and new workers side by side: who runs what, by the versions of their code, and an operator's canary."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import task
from headrace.authoring.tasks import TaskDefinition
from headrace.contracts import topics
from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import CanaryCleared, CanarySet, TaskAssigned, TaskRequeued, TaskUnserved
from headrace.contracts.task_rules import TaskRules
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost
from headrace_execution.dispatcher.canaries import place_of
from tests.component.execution.mill import CODEC, Mill

COMPATIBLE = TaskRules(version="1.2")


@pytest.fixture
def mill() -> Any:
    with_all = Mill()
    yield with_all
    with_all.close()


def version_of(version: str) -> TaskDefinition[..., Any]:
    """Return the same task, as a deploy of this version has it."""

    @task(name="charge", version=version)
    def charge() -> str:
        return version

    return charge


def leave(mill: Mill, name: str) -> None:
    worker = mill.workers[name]
    worker.stop()
    mill.until(lambda: worker.done)
    worker.leave()
    del mill.workers[name]


def set_canary(mill: Mill, share: float) -> None:
    command = SetCanary(
        command_id="c1", queue="default", task="charge", version="2.0" if share else "", share=share, issued_at=0
    )
    mill.log.append(topics.WORKER_REPORTS, 0, CODEC.encode(command))


def given_to(mill: Mill, worker: str) -> list[int]:
    return [event.task.step for event in mill.of(TaskAssigned) if event.worker == worker]


def test_a_rolling_deploy_loses_nothing_and_gives_nobody_what_he_may_not_run(mill: Mill) -> None:
    mill.start_worker("old", [version_of("1.2")], slots=2)
    for _ in range(4):
        mill.schedule("charge", rules=COMPATIBLE)
    mill.start_worker("major", [version_of("2.0")], slots=20)
    mill.start_worker("minor", [version_of("1.3")], slots=2)
    mill.until(lambda: len(mill.results()) == 4)
    leave(mill, "old")
    mill.until(lambda: bool(mill.of(WorkerLeft)))
    for _ in range(4):
        mill.schedule("charge", rules=COMPATIBLE)
    mill.until(lambda: len(mill.results()) == 8)
    assert not given_to(mill, "major")
    assert len(given_to(mill, "minor")) >= 4
    assert not (mill.of(TaskUnserved) or mill.of(TaskRequeued) or mill.of(WorkerLost))
    joined = {event.worker: event.offers[0].versions for event in mill.of(WorkerJoined)}
    assert joined == {"old": {"charge": "1.2"}, "major": {"charge": "2.0"}, "minor": {"charge": "1.3"}}


def test_a_canary_takes_its_share_over_a_restart_of_the_dispatcher_until_it_is_taken_back(mill: Mill) -> None:
    mill.start_worker("old", [version_of("1.2")], slots=100)
    mill.start_worker("new", [version_of("2.0")], slots=100)
    set_canary(mill, 0.3)
    mill.until(lambda: bool(mill.of(CanarySet)))
    mill.take_over()
    steps = [mill.schedule("charge").step for _ in range(60)]
    mill.until(lambda: len(mill.results()) == 60)
    chosen = [step for step in steps if place_of("run", step) < 0.3]
    assert given_to(mill, "new") == chosen
    assert chosen
    set_canary(mill, 0)
    mill.until(lambda: bool(mill.of(CanaryCleared)))
    for _ in range(20):
        mill.schedule("charge")
    mill.until(lambda: len(mill.results()) == 80)
    assert len(given_to(mill, "new")) - len(chosen) == 10
