"""`@workflow`: what it takes and what it refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace import workflow
from headrace.authoring.workflows import WorkflowDefinition


async def grind(ctx: Any, grain: str) -> str:
    return f"{grain} by {ctx}"


def test_the_name_is_the_functions_and_there_is_no_limit_by_default() -> None:
    defined = workflow(grind)
    assert (defined.name, defined.timeout_ms, defined.key) == ("grind", 0, "")
    assert defined.file == __file__


def test_options() -> None:
    defined = workflow(name="mill", timeout="1h30m", key="stone")(grind)
    assert (defined.name, defined.timeout_ms, defined.key) == ("mill", 5_400_000, "stone")


def test_calling_it_calls_the_function() -> None:
    assert asyncio.run(workflow(grind)("water", "rye")) == "rye by water"


@pytest.mark.parametrize("name", ["Mill", "1mill", "mill-race", "mill race", "m" * 101])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Expected the name of workflow grind to match"):
        workflow(name=name)(grind)


def test_a_time_out_that_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a duration"):
        workflow(timeout="soon")(grind)


def _plain(ctx: Any) -> None: ...


async def _yields(ctx: Any) -> Any:
    yield ctx


async def _no_ctx() -> None: ...


async def _only_keywords(*, ctx: Any) -> None: ...


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (_plain, "async def, but found _plain, which is a plain function"),
        (_yields, "async def, but found _yields, which yields"),
        (_no_ctx, "_no_ctx to take ctx as its first parameter"),
        (_only_keywords, "_only_keywords to take ctx as its first parameter"),
        (5, "async def, but found 5"),
    ],
)
def test_what_is_no_workflow_is_refused(target: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        workflow(target)


def test_a_definition_is_told_apart_by_identity() -> None:
    assert isinstance(workflow(grind), WorkflowDefinition)
    assert workflow(grind) != workflow(grind)
