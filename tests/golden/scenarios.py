"""What is played to record a journal of each decider: every event at least once, and something left open at the end."""

from __future__ import annotations

from headrace.contracts import schedule_commands as c
from headrace.contracts.backlog_events import RoomRequested
from headrace.contracts.child_events import ChildRequested
from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import AttemptLost, AttemptTimedOut, BacklogCleared, BacklogFull, TaskRequeued
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.reports import AttemptNote, Gauge, WorkerHeartbeat
from headrace.contracts.resource_events import LeaseGranted
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.contracts.topics import TASK_JOURNAL
from headrace.contracts.workflow_events import WorkflowSucceeded, WorkflowTerminated
from headrace.engine.context import Limits
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.round import DispatchLimits
from tests.golden.going_on import going_on
from tests.golden.waits import waits
from tests.unit.engine.decision_shard import DecisionShard, only
from tests.unit.engine.scheduling import HOUR, START, Scheduling, hourly
from tests.unit.engine.versions import OperatedShard
from tests.unit.engine.workflows import CHAIN, LEASED, LIMITED, PARENT, RETRYING, SLEEPER, WIDE, sequence, spread
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded
from tests.unit.resources.resource_shard import ResourceShard, ended, request

ODD = {
    "apiVersion": "headrace/v1",
    "name": "odd",
    "tasks": {
        "never": {"task": "one", "when": "{% false %}"},
        "wrong": {"task": "one", "input": "{% $number('x') %}", "significant": False},
        "each": {"task": "one", "foreach": "{% [1, 2] %}", "needs": ["never"], "run_if": "all_done"},
        "last": {"task": "two", "needs": ["each"]},
    },
}


def decision() -> list[Message]:
    """Play a decision shard."""
    shard = DecisionShard(CHAIN, RETRYING, WIDE, SLEEPER, PARENT, LEASED, LIMITED, ODD, spread)
    _whole_lives(shard)
    _attempts(shard)
    _leases(shard)
    _children(shard)
    _stuck(shard)
    shard.command(None, value=b"junk", error="no framing")
    return [*shard.journal, *_operated(), *_schedules(), *_large(), *_long(), *_backlogs(), *waits(), *going_on()]


def _whole_lives(shard: DecisionShard) -> None:
    first = only(shard.start("chain", {"x": 1}, workflow_id="chain-1", key="k"), TaskScheduled)
    shard.complete(only(shard.complete(first, {"rows": 3}), TaskScheduled), [1])
    shard.hear(WorkflowSucceeded(workflow_id="chain-1", run_id="r", name="chain", key="k", output=b"[1]", at=1_100))
    shard.start("chain", {"x": 2}, workflow_id="chain-1", command_id="c2", if_exists="fail")
    shard.start("chain", {"x": 2}, workflow_id="chain-2", key="k")
    shard.start("limited", workflow_id="limited-1")
    shard.start("limited", workflow_id="limited-2")
    shard.cancel("limited-2")
    for task in _tasks(shard.start("odd", workflow_id="odd-1")):
        shard.complete(task)
    for task in _tasks(shard.start("spread", {"items": [1]}, workflow_id="spread-1")):
        shard.complete(task, 7)
    shard.start("sleeper", workflow_id="sleeper-1")
    due = shard.decider.due_at(shard.state)
    assert due is not None
    shard.tick(due)
    for task in _tasks(shard.start("spread", {"items": [2]}, workflow_id="spread-2")):
        shard.complete(task, 8)
    shard.cancel("spread-2")
    shard.tick(shard.now_ms + 3_600_000)
    shard.start("sleeper", workflow_id="sleeper-2")


def _attempts(shard: DecisionShard) -> None:
    for number, move in enumerate(("fail", "late", "lost", "cancel")):
        task = only(shard.start("retrying", workflow_id=f"retrying-{number}"), TaskScheduled)
        ids = {"workflow_id": task.workflow_id, "run_id": task.run_id, "step": task.step, "attempt": task.attempt}
        if move == "fail":
            shard.fail(task)
        elif move == "late":
            shard.hear(AttemptTimedOut(**ids, to_shard=0, assignment=1, timeout="heartbeat", at=1))  # type: ignore[arg-type]
        elif move == "lost":
            shard.hear(TaskRequeued(assignment=1, reason="lost", losses=1, at=1, to_shard=0, **ids))  # type: ignore[arg-type]
            shard.fail(task, "KeyError", assignment=2)
        else:
            shard.cancel(task.workflow_id)


def _leases(shard: DecisionShard) -> None:
    asked = only(shard.start("leased", workflow_id="leased-1"), LeaseRequested)
    task = only(shard.hear(_granted(asked, 7)), TaskScheduled)
    ids = {"workflow_id": task.workflow_id, "run_id": task.run_id, "step": task.step, "attempt": task.attempt}
    lost = AttemptLost(**ids, to_shard=0, assignment=3, worker="w3", losses=1, poison=False, at=1)  # type: ignore[arg-type]
    again = only(shard.hear(lost), LeaseRequested)
    shard.hear(_granted(asked, 8))
    shard.hear(_granted(again, 9))


def _granted(asked: LeaseRequested, token: int) -> LeaseGranted:
    holder = LeaseHolder(
        workflow_id=asked.workflow_id, run_id=asked.run_id, step=asked.step, attempt=asked.attempt, node=asked.node
    )
    if token == 8:
        holder = LeaseHolder(workflow_id="gone", run_id="gone", step=0, attempt=1, node="a")
    return LeaseGranted(resource="parser", units=1, fencing_token=token, holder=holder, to_shard=0, at=1)


def _children(shard: DecisionShard) -> None:
    for number in range(3):
        asked = only(shard.start("parent", workflow_id=f"parent-{number}"), ChildRequested)
        child = shard.hear(asked)
        if number == 1:
            shard.hear(only(shard.terminate(asked.child_id), WorkflowTerminated))
        elif number == 2:
            shard.cancel("parent-2")
        else:
            shard.complete(only(child, TaskScheduled))


def _stuck(shard: DecisionShard) -> None:
    task = only(shard.start("chain", workflow_id="stuck-1"), TaskScheduled)
    definitions = dict(shard.definitions._by_name)
    shard.definitions._by_name.clear()
    shard.new_process()
    shard.complete(task)
    shard.cancel("stuck-1")
    shard.definitions._by_name.update(definitions)


def _schedules() -> list[Message]:
    world = Scheduling(now_ms=START)
    world.set(hourly(overlap="cancel", name="stubborn", input=b"{}", timezone="Europe/Berlin", jitter_ms=60_000))
    world.until(START + 3 * HOUR)
    world.set(hourly(cron="", every_ms=HOUR, offset_ms=60_000, overlap="skip"), schedule_id="by_interval")
    world.until(START + 6 * HOUR)
    world.end("by_interval-20261121T140100Z")
    world.send(c.BackfillSchedule, "by_interval", from_at=START - 4 * HOUR, until_at=START - HOUR)
    world.send(c.PauseSchedule, reason="holidays")
    world.send(c.ResumeSchedule)
    world.send(c.PauseSchedule, "by_interval")
    world.set(hourly(), schedule_id="short_lived")
    world.send(c.DeleteSchedule, "short_lived")
    world.send(c.DeleteSchedule, "short_lived")
    return world.shard.journal


def _operated() -> list[Message]:
    """A shard whose workflows are paused, moved to another version, stuck and freed, and retried."""
    shard = OperatedShard()
    shard.deploy(CHAIN)
    task = only(shard.start("chain", workflow_id="operated-1"), TaskScheduled)
    shard.pause("operated-1", reason="wait")
    shard.complete(task, 1)
    shard.go_on("operated-1")
    task = only(shard.start("chain", workflow_id="operated-2", command_id="c2"), TaskScheduled)
    shard.versions.versions.clear()
    shard.new_process()
    shard.complete(task, 1)
    shard.cancel("operated-2")
    shard.deploy({**CHAIN, "description": "mended"}, "v2")
    shard.migrate("operated-2", dry_run=True)
    shard.migrate("operated-2")
    shard.resume()
    task = only(shard.start("chain", workflow_id="operated-3", command_id="c3"), TaskScheduled)
    shard.fail(only(shard.complete(task, 1), TaskScheduled))
    shard.retry("operated-3")
    shard.retry("operated-9")
    task = only(shard.start("chain", workflow_id="operated-4", command_id="c4"), TaskScheduled)
    shard.fail(task)
    return shard.journal


def _large() -> list[Message]:
    """A shard with small records of its own: its runs are called otherwise."""
    shard = DecisionShard(WIDE, limits=Limits(decision_bytes=1_000))
    shard.start("wide", {"items": list(range(10))}, workflow_id="wide-1")
    shard.resume()
    return shard.journal


def _long() -> list[Message]:
    """A shard that replays in small slices: its run is called otherwise."""
    shard = DecisionShard(sequence, limits=Limits(replay_at_once=2))
    task = only(shard.start("sequence", 9, workflow_id="long-1"), TaskScheduled)
    for _ in range(4):
        task = only(shard.complete(task), TaskScheduled)
    shard.take_over()
    shard.complete(task)
    shard.tick(shard.now_ms)
    shard.tick(shard.now_ms)
    shard.tick(shard.now_ms)
    return shard.journal


def _backlogs() -> list[Message]:
    """A shard that holds back what a full queue has no room for."""
    shard = DecisionShard(CHAIN, WIDE)
    shard.hear(BacklogFull(queue="default", waiting=7, backlog=5, when_full="wait", at=1), topic=TASK_JOURNAL)
    shard.start("wide", {"items": [1, 2, 3]}, workflow_id="held-1")
    shard.start("chain", workflow_id="held-2", command_id="c2")
    room = BacklogCleared(queue="default", waiting=4, backlog=5, when_full="wait", room=2, at=2)
    shard.hear(room, topic=TASK_JOURNAL)
    while shard.decider.has_pending(shard.state):
        shard.resume()
    shard.hear(BacklogFull(queue="other", waiting=9, backlog=9, when_full="refuse", at=3), topic=TASK_JOURNAL)
    return shard.journal


def _tasks(events: list[Message]) -> list[TaskScheduled]:
    return [event for event in events if isinstance(event, TaskScheduled)]


def dispatcher() -> list[Message]:
    """Play a dispatcher."""
    full = QueueLimit(queue="full", backlog=1)
    shard = DispatcherShard(DispatchLimits(poison_losses=2, queues=(full,)))
    shard.feed(None, error="no framing")
    shard.record(scheduled(0, run="early", task="later"))
    shard.hello("a", 2, tasks=("t", "u"))
    shard.hello("b", 1)
    shard.hello("c", 2, tasks=("later",))
    shard.record(*(scheduled(step, priority=step % 3) for step in range(6)), shard=1)
    shard.record(succeeded(shard.assigned_to("a")[0]))
    shard.report("a", holds=[], finished={shard.assigned_to("a")[1].assignment: 40}, shard=1)
    shard.report("a", holds=[], finished={shard.assigned_to("a")[1].assignment: 40}, shard=1)
    shard.record(scheduled(0, run="slow", task="later", timeout_ms=100, heartbeat_ms=50))
    shard.pass_time(200)
    shard.record(scheduled(0, run="leased", token=4, task="later"))
    shard.report("c", handed_back=list(shard.state.assignments))
    shard.report("c", stopping=True)
    shard.goodbye("c")
    shard.hello("d", 1, tasks=("later",))
    shard.hello("d", 1, tasks=("later",), session="s2")
    shard.record(WorkflowTerminated(workflow_id="w-early", run_id="early", at=0))
    shard.hello("e", 1, tasks=("u",))
    shard.record(scheduled(0, run="open", task="u", losses=1), scheduled(1, run="open", task="nobody"))
    shard.pass_time(20_000)
    shard.hello("f", 1)
    shard.record(scheduled(2, run="open", timeout_ms=60_000))
    shard.feed(_noting("f", shard.state.last_assignment))
    limits = [TaskLimit(scope="key", name="k", at_once=1, per_period=2, period_ms=60_000)]
    ruled = TaskRules(fairness_key="ant", weight=2.0, limits=limits, prefer="f", close_by=50_000, warn_after_ms=100)
    shard.hello("g", 3, labels={"gpu": "yes"}, tasks=("v",))
    shard.record(*(scheduled(step, run="ruled", task="v", rules=ruled) for step in range(3)))
    shard.pass_time(200)
    shard.record(*(scheduled(step, run="full", queue="full") for step in range(2)))
    shard.record(WorkflowTerminated(workflow_id="w-full", run_id="full", at=0))
    shard.record(scheduled(0, run="full2", queue="full"))
    shard.record(RoomRequested(queue="full", held=3, at=0), shard=1)
    shard.record(RoomRequested(queue="default", held=3, at=0))
    for task, share in (("v", 0.5), ("u", 0.25), ("v", 0.0), ("w", 0.1)):
        version = "2.0" if share else ""
        shard.feed(
            SetCanary(command_id=task, queue="q", task=task, version=version, share=share, issued_by="ann", issued_at=0)
        )
    shard.hello("h", 1, tasks=("w",), versions={"w": "2.0"})
    wanted = TaskRules(version="1.4", task_versions="own")
    shard.record(scheduled(0, run="canary", task="w"), scheduled(1, run="canary", task="w", rules=wanted))
    late = TaskRules(require={"gpu": "no"}, schedule_to_start_ms=500)
    shard.record(scheduled(4, run="ruled", task="v", rules=late, at=shard.now_ms))
    shard.pass_time(600)
    return shard.journal


def _noting(worker: str, assignment: int) -> WorkerHeartbeat:
    """Return a report of a worker that has measured itself, with notes of an assignment."""
    kinds = {"details": b'{"at": 3}', "handle": b'"job-7"'}
    return WorkerHeartbeat(
        worker=worker,
        session="s1",
        read_offset=0,
        holds=[assignment],
        notes=[AttemptNote(assignment=assignment, kind=kind, data=data) for kind, data in kinds.items()],
        gauges=[Gauge(name="load_1m", value=0.5)],
        sent_at=0,
    )


def resources() -> list[Message]:
    """Play a resource shard."""
    shard = ResourceShard()
    shard.feed(None, topic="resource.commands", error="no framing")
    shard.declare("parser", 2)
    shard.declare("gpu", 1)
    for run in ("a", "b", "c"):
        shard.record(request(run, 0, units=1, priority=3), request(run, 1, resource="gpu"), shard=2)
    shard.record(request("d", 0, units=5))
    shard.record(ended("TaskSucceeded", "a", 0))
    shard.record(ended("WorkflowFailed", "b"))
    shard.declare("parser", 3)
    shard.record(request("e", 0, resource="later"))
    return shard.journal
