"""Versions of task code: what may be said, what travels with a task, and which workers are given it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.authoring.task_stubs import task_stub
from headrace.authoring.tasks import task
from headrace.authoring.workflows import workflow
from headrace.contracts.dispatch_events import TaskServed, TaskUnserved
from headrace.contracts.task_rules import TaskRules
from headrace.engine.graph import load_graph
from headrace.engine.graph.problems import InvalidDefinition
from headrace.engine.programs.python.targets import task_request
from headrace.engine.task_versions import may_run
from headrace_execution.worker.wiring import offers_by_shard, tasks_by_name
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded
from tests.unit.graph.documents import yaml

OWN = TaskRules(version="1.2", task_versions="own")
COMPATIBLE = TaskRules(version="1.2")


@task(version="1.2")
def charge() -> None: ...


async def flow(ctx: Any) -> None: ...


@task
def refund() -> None: ...


def rules_of(definition: Any, task_versions: str) -> TaskRules | None:
    """Return what travels with a call from a workflow, through the stub that its bundle holds."""
    stub = task_stub(definition)
    kind = "application/json"
    return task_request(stub, -1, b"null", kind, now_ms=0, seed="s", task_versions=task_versions).rules


@pytest.mark.parametrize(
    ("found", "own", "compatible"),
    [
        ("1.2", True, True),
        ("1.3", False, True),
        ("1.10", False, True),
        ("1.1", False, False),
        ("1", False, False),
        ("2.2", False, False),
        ("0", False, False),
        ("nightly", False, False),
    ],
)
def test_which_versions_may_run_a_task(found: str, own: bool, compatible: bool) -> None:
    assert may_run(found, "1.2", "own") is own
    assert may_run(found, "1.2", "compatible") is compatible
    assert may_run(found, "1.2", "any")
    assert may_run(found, "", "own")


def test_a_version_without_a_minor_is_the_first_of_its_major() -> None:
    assert may_run("1.0", "1", "own")
    assert may_run("1", "1.0", "own")
    assert may_run("nightly", "nightly", "own")


@pytest.mark.parametrize("version", ["", "v1", "1.2.3", "1.", ".1", "-1", "1234567", 1.2, None])
def test_a_bad_version_is_refused_where_the_task_is_defined(version: Any) -> None:
    with pytest.raises(ValueError, match="task charge: version: Expected a version such as"):
        task(name="charge", version=version)(lambda: None)


def test_a_bad_choice_of_versions_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected one of own, compatible, any, but found 'newest'"):
        workflow(task_versions="newest")(flow)
    with pytest.raises(ValueError, match="Expected task_versions at @workflow"):
        task(name="charge", task_versions="own")(lambda: None)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("definition", "task_versions", "expected"),
    [
        (charge, "compatible", COMPATIBLE),
        (charge, "own", OWN),
        (charge, "any", TaskRules()),
        (refund, "compatible", None),
        (refund, "own", TaskRules(version="0", task_versions="own")),
        (refund, "any", None),
    ],
)
def test_what_travels_with_a_call_of_a_python_workflow(
    definition: Any, task_versions: str, expected: TaskRules | None
) -> None:
    assert rules_of(definition, task_versions) == expected


def test_a_task_that_is_called_by_name_has_no_version() -> None:
    request = task_request("charge", -1, b"null", "application/json", now_ms=0, seed="s", task_versions="own")
    assert request.rules is None


def test_what_travels_with_a_task_of_a_graph() -> None:
    tasks = """
  a: {task: t, version: "1.2"}
  b: {task: t, version: "1.2", task_versions: compatible}
  c: {task: t, version: "1.2", task_versions: any}
  d: {task: t}
"""
    graph = load_graph(yaml(tasks, "defaults: {task_versions: own}\n"), source="x")
    found = [node.rules and node.rules.constant for node in graph.nodes]
    assert found == [OWN, COMPATIBLE, None, None]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("version: 1.2", 'Expected a version such as "1.4" (MAJOR.MINOR), but found 1.2'),
        ("version: '{% 1 %}'", "Expected a version such as"),
        ("task_versions: newest", "Expected one of own, compatible, any"),
    ],
)
def test_a_graph_with_a_bad_version_is_refused_with_its_place(fields: str, message: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        load_graph(yaml(f"  a: {{task: t, {fields}}}\n"), source="x")
    (problem,) = refused.value.problems
    assert message in problem.message
    assert problem.path.startswith("tasks.a.")


def test_a_worker_offers_the_versions_of_its_tasks() -> None:
    ((offer,),) = offers_by_shard(tasks_by_name([charge, refund]), ["q"], 3, 1).values()
    assert (offer.tasks, offer.versions) == (["charge", "refund"], {"charge": "1.2"})


def test_old_and_new_workers_side_by_side_get_what_they_may_run() -> None:
    shard = DispatcherShard()
    shard.hello("old", 3, versions={"t": "1.2"})
    shard.hello("new", 30, versions={"t": "2.0"})
    shard.record(*(scheduled(step, rules=COMPATIBLE) for step in range(4)))
    shard.record(*(scheduled(step, rules=TaskRules(version="2.0")) for step in range(4, 8)))
    shard.record(scheduled(8))
    assert [given.task.step for given in shard.assigned_to("old")] == [0, 1, 2]
    assert [given.task.step for given in shard.assigned_to("new")] == [4, 5, 6, 7, 8]
    shard.record(succeeded(shard.assigned_to("old")[0]))
    assert [given.task.step for given in shard.assigned_to("old")] == [0, 1, 2, 3]
    assert not shard.of(TaskUnserved)


@pytest.mark.parametrize("restart", ["", "take_over", "take_over_from_checkpoint"])
def test_a_rolling_deploy_hands_tasks_on_to_newer_compatible_workers(restart: str) -> None:
    shard = DispatcherShard()
    shard.hello("old", 2, versions={"t": "1.2"})
    shard.record(*(scheduled(step, rules=COMPATIBLE) for step in range(4)))
    shard.hello("new", 2, versions={"t": "1.3"})
    assert [given.task.step for given in shard.assigned_to("new")] == [2, 3]
    if restart:
        getattr(shard, restart)()
    shard.report("old", handed_back=[1, 2], stopping=True)
    shard.goodbye("old")
    for given in shard.assigned_to("new")[:2]:
        shard.record(succeeded(given))
    assert [given.task.step for given in shard.assigned_to("new")] == [2, 3, 0, 1]
    assert not shard.of(TaskUnserved)


@pytest.mark.parametrize("restart", ["", "take_over", "take_over_from_checkpoint"])
def test_a_task_that_no_living_version_may_run_is_unserved_and_says_which_there_are(restart: str) -> None:
    shard = DispatcherShard()
    shard.hello("old", 1, versions={"t": "1.2"})
    shard.hello("new", 5, versions={"t": "2.0"})
    shard.hello("plain", 5)
    shard.record(scheduled(0, rules=OWN), scheduled(1, rules=OWN))
    assert not shard.of(TaskUnserved)
    shard.report("old", holds=[1], stopping=True)
    (unserved,) = shard.of(TaskUnserved)
    assert unserved.step == 1
    assert unserved.reason == (
        "no worker offers task 't' on queue 'q' in version 1.2, which its workflow was deployed with; found 0, 2.0"
    )
    if restart:
        getattr(shard, restart)()
    shard.hello("back", 1, versions={"t": "1.2"})
    assert [event.step for event in shard.of(TaskServed)] == [] or shard.assigned_to("back")
    assert [given.task.step for given in shard.assigned_to("back")] == [1]


def test_a_reason_names_labels_where_the_version_is_there_without_them() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1, versions={"t": "1.3"})
    shard.record(scheduled(0, rules=TaskRules(version="1.2", require={"gpu": "yes"})))
    (unserved,) = shard.of(TaskUnserved)
    assert unserved.reason == (
        "no worker that offers task 't' in version 1.2 or a newer one of the same major on queue 'q' "
        "has the labels gpu=yes"
    )


def test_the_last_worker_with_a_label_that_leaves_is_told_though_others_offer_the_task() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1, labels={"gpu": "yes"})
    shard.hello("b", 1)
    shard.record(*(scheduled(step, rules=TaskRules(require={"gpu": "yes"})) for step in range(2)))
    assert not shard.of(TaskUnserved)
    shard.report("a", holds=[1], stopping=True)
    assert [event.step for event in shard.of(TaskUnserved)] == [1]
