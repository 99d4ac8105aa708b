"""Packages that workflow code may import: what the decision service says of a workflow that it cannot load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from headrace.authoring.app_modules import load_module
from headrace.authoring.bundle import make_bundle
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import StartRefused, WorkflowFailed, WorkflowSucceeded
from headrace.engine.context import Limits
from headrace.runtime.decision_settings import DecisionSettings
from headrace_decision.wiring import programs
from tests.unit.engine.decision_shard import DecisionShard, only

SOURCE = """
import pydantic
from headrace import task, workflow

class Person(pydantic.BaseModel):
    name: str

@task
def greet(person: Person) -> Person: ...

@workflow
async def hello(ctx, person: Person) -> str:
    greeted = await ctx.run(greet, person)
    return greeted.name
"""
ALLOWED = frozenset({"pydantic"})


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    file = tmp_path / "people.py"
    file.write_text(SOURCE)
    return load_module(str(file))


@pytest.fixture
def shard(module: ModuleType) -> Callable[[frozenset[str]], DecisionShard]:
    """A decision shard to which the workflow was deployed by somebody who allows pydantic."""

    def make(packages: frozenset[str]) -> DecisionShard:
        one = DecisionShard(module.hello)
        bundle = make_bundle(module.hello, ALLOWED).to_bytes()
        one.definitions._put("hello", "python", bundle, {})
        one._programs = programs(Limits(), packages)
        one.new_process()
        return one

    return make


def test_a_workflow_of_an_allowed_package_runs_with_its_types(
    shard: Callable[[frozenset[str]], DecisionShard],
) -> None:
    one = shard(ALLOWED)
    scheduled = only(one.start("hello", {"person": {"name": "Ada"}}), TaskScheduled)
    ended = only(one.complete(scheduled, {"name": "Ada Lovelace"}), WorkflowSucceeded)
    assert ended.output == b'"Ada Lovelace"'


def test_a_result_that_does_not_fit_its_type_fails_the_workflow(
    shard: Callable[[frozenset[str]], DecisionShard],
) -> None:
    one = shard(ALLOWED)
    scheduled = only(one.start("hello", {"person": {"name": "Ada"}}), TaskScheduled)
    failed = only(one.complete(scheduled, {"nome": "Ada"}), WorkflowFailed)
    assert failed.error == "headrace.ResultMismatch"
    assert "Expected task greet to return what it is annotated with" in failed.cause


def test_a_start_is_refused_where_the_package_is_not_allowed(
    shard: Callable[[frozenset[str]], DecisionShard],
) -> None:
    refused = only(shard(frozenset()).start("hello", {"person": {"name": "Ada"}}), StartRefused)
    assert refused.error == "headrace.InvalidDefinition"
    assert "it uses pydantic" in refused.cause
    assert "HEADRACE_DECISION_ALLOWED_PACKAGES" in refused.cause


@pytest.mark.parametrize(
    ("text", "expected"), [("", set()), ("pydantic, msgspec ,", {"pydantic", "msgspec"}), ("a", {"a"})]
)
def test_the_setting_is_a_list_of_names(text: str, expected: set[str]) -> None:
    assert DecisionSettings(allowed_packages=text).packages == expected
