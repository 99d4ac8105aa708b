"""What a definition says beside its source: the queues that it declares, and which versions may run its tasks."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.authoring.definitions import definition_of_graph, definition_of_workflow
from headrace.authoring.tasks import task
from headrace.authoring.workflows import workflow
from headrace.contracts.definitions import Definition
from headrace.engine.graph import load_graph
from tests.unit.graph.documents import yaml


@task(queue="mail", version="1.4")
def send() -> None: ...


@task
def tidy() -> None: ...


@workflow(task_versions="own")
async def posting(ctx: Any) -> None:
    await ctx.run(send)
    await ctx.run(tidy)
    await ctx.run("somewhere")


@workflow
async def nothing(ctx: Any) -> None:
    await ctx.sleep("1s")


def options(definition: Definition) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(definition.options)
    return found


def test_a_python_workflow_declares_the_queues_of_the_tasks_that_it_names() -> None:
    found = options(definition_of_workflow(posting, file="x", deployed_at=0))
    assert (found["queues"], found["task_versions"]) == (["default", "mail"], "own")
    found = options(definition_of_workflow(nothing, file="x", deployed_at=0))
    assert found["queues"] == []
    assert "task_versions" not in found


def test_the_version_of_a_task_is_part_of_the_version_of_its_workflows() -> None:
    source = definition_of_workflow(posting, file="x", deployed_at=0).source
    assert b'"version":"1.4"' in source


def test_a_graph_declares_the_queues_of_its_tasks() -> None:
    tasks = """
  a: {task: t, queue: mail}
  b: {task: t}
  c: {task: t, queue: "{% $input.queue %}"}
  d: {sleep: 1s}
"""
    graph = load_graph(yaml(tasks, "on_exit: {task: t, queue: last}\n"), source="x")
    assert options(definition_of_graph(graph, file="x", deployed_at=0))["queues"] == ["default", "last", "mail"]
