"""What fills a queue, for tests of the read model."""

from __future__ import annotations

import msgspec

from headrace.contracts.backlog_events import TaskHeld
from headrace.contracts.dispatch_events import BacklogFull, CanarySet, QueueLimited, TaskAssigned, TaskQueued
from headrace.contracts.reports import QueueOffer
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskRules
from headrace.contracts.worker_events import WorkerJoined
from tests.support.status_events import ID, RUN, T0, scheduled, started
from tests.support.status_world import StatusWorld


def fair(step: int, key: str) -> TaskScheduled:
    """Return a task with a fairness key."""
    task = scheduled(step, ID, RUN, queue="mail")
    return msgspec.structs.replace(task, rules=TaskRules(fairness_key=key))


def held(step: int) -> TaskHeld:
    """Return a task that is held back."""
    return TaskHeld(
        workflow_id=ID,
        run_id=RUN,
        step=step,
        attempt=1,
        node=f"n{step}",
        task="send",
        queue="mail",
        place=0,
        number=step,
        reason="queue mail is full: 3 tasks wait there, of at most 3",
        at=T0,
    )


def fill(world: StatusWorld) -> None:
    """Three tasks of two tenants wait, one runs, two are held back; there is a canary."""
    tasks = [fair(step, "ant" if step < 3 else "bee") for step in range(4)]
    world.workflow(started(), *tasks, held(4), held(5))
    offers = [QueueOffer(queue="mail", slots=4, tasks=["send", "tidy"], versions={"send": "1.4"})]
    world.task(
        WorkerJoined(worker="w", session="s", offers=offers, at=T0),
        QueueLimited(queue="mail", backlog=3, when_full="wait", at_once=9, per_period=100, period_ms=60_000, at=T0),
        TaskAssigned(assignment=1, worker="w", session="s", task=tasks[0], shard=0, at=T0),
        *(TaskQueued(task=task, shard=0, at=T0) for task in tasks[1:]),
        BacklogFull(queue="mail", waiting=3, backlog=3, when_full="wait", at=T0),
        CanarySet(queue="mail", task="send", version="2.0", share=0.125, issued_by="ann", at=T0),
    )
    world.project()
