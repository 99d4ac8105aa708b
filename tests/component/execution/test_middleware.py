"""Middleware around every call of a task: plain and async functions; for pools, see `test_pools`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.authoring.middleware import TaskCall, middleware
from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask, FailTask
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill()
    yield mill
    mill.close()


@task
def plain(text: str, suffix: str = "") -> str:
    return text + suffix


@task
async def later(text: str, suffix: str = "") -> str:
    await asyncio.sleep(0)
    return text + suffix


@task
def broken(text: str) -> None:
    raise ValueError(text)


def result_of(mill: Mill, definition: Any, data: bytes, *chain: Any) -> CompleteTask | FailTask:
    mill.start_worker("a", [definition], middleware=chain)
    mill.schedule(definition.name, data)
    mill.until(lambda: len(mill.results()) == 1)
    return mill.results()[0]


@pytest.mark.parametrize("definition", [plain, later])
def test_it_surrounds_the_call_outermost_first(mill: Mill, definition: Any) -> None:
    seen: list[Any] = []

    @middleware
    def outer(call: TaskCall) -> Iterator[None]:
        seen.append(("outer before", call.task, call.kwargs, call.context is current()))
        yield
        seen.append(("outer after", call.result))
        call.result = call.result.upper()

    @middleware
    def inner(call: TaskCall) -> Iterator[None]:
        call.kwargs["suffix"] = "!"
        yield
        seen.append(("inner after", call.result))

    result = result_of(mill, definition, b'{"text": "go"}', outer, inner)
    assert isinstance(result, CompleteTask)
    assert result.output == b'"GO!"'
    assert seen == [
        ("outer before", definition.name, {"text": "go", "suffix": "!"}, True),
        ("inner after", "go!"),
        ("outer after", "go!"),
    ]


def test_what_the_task_raises_is_raised_in_it(mill: Mill) -> None:
    @middleware
    def translate(call: TaskCall) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise LookupError(f"{call.task} found nothing") from error

    result = result_of(mill, broken, b'"x"', translate)
    assert isinstance(result, FailTask)
    assert (result.error, "broken found nothing" in result.cause) == ("LookupError", True)


def test_one_that_keeps_an_error_to_itself_says_what_the_result_is(mill: Mill) -> None:
    @middleware
    def forgive(call: TaskCall) -> Iterator[None]:
        try:
            yield
        except ValueError:
            call.result = "forgiven"

    result = result_of(mill, broken, b'"x"', forgive)
    assert isinstance(result, CompleteTask)
    assert result.output == b'"forgiven"'


def test_one_that_fails_fails_the_attempt(mill: Mill) -> None:
    @middleware
    def no_vault(call: TaskCall) -> Iterator[None]:
        raise ConnectionError("the vault does not answer")
        yield

    result = result_of(mill, plain, b'"x"', no_vault)
    assert isinstance(result, FailTask)
    assert result.error == "ConnectionError"


def test_what_it_adds_takes_part_in_fitting_the_input(mill: Mill) -> None:
    @task
    def needs(connection: str) -> str:
        return connection

    @middleware
    def connect(call: TaskCall) -> Iterator[None]:
        call.kwargs["connection"] = "open"
        yield

    result = result_of(mill, needs, b"null", connect)
    assert isinstance(result, CompleteTask)
    assert result.output == b'"open"'


def test_it_is_a_generator_function() -> None:
    with pytest.raises(TypeError, match="generator function that yields once"):
        middleware(lambda call: None)  # type: ignore[arg-type, return-value]
