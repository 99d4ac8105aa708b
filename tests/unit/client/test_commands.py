"""Commands as a client makes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import workflow
from headrace.client.commands import NO_INPUT, StartOptions, checked_id, input_bytes, name_of, start_command
from headrace.client.errors import InvalidStart
from headrace.contracts.commands import StartWorkflow


@workflow(name="mill")
async def _mill(ctx: Any) -> None: ...


def command(workflow: Any = "mill", data: bytes = b"{}", limit: int = 100, **options: str) -> StartWorkflow:
    return start_command(
        workflow, data, StartOptions(**options), command_id="c-1", limit_bytes=limit, now_ms=1_700_000_000_000
    )


def test_a_command_says_all_that_was_asked_for() -> None:
    made = command("mill@abc", b'{"a":1}', id="m-1", if_exists="fail", key="k", correlation_id="order-7")
    assert made == StartWorkflow(
        command_id="c-1",
        workflow_id="m-1",
        issued_at=1_700_000_000_000,
        correlation_id="order-7",
        name="mill",
        version="abc",
        input=b'{"a":1}',
        if_exists="fail",
        key="k",
    )


def test_without_an_id_there_is_a_fresh_one_that_begins_with_the_name() -> None:
    assert command().workflow_id == "mill-c-1"


def test_a_workflow_is_named_by_its_definition_or_by_name_and_version() -> None:
    assert name_of(_mill) == ("mill", "")
    assert name_of("mill@v1") == ("mill", "v1")
    assert command("mill@v1", version="v2").version == "v2"


@pytest.mark.parametrize("wanted", ["", "@v1", None, 5, object()])
def test_what_names_no_workflow_is_refused(wanted: Any) -> None:
    with pytest.raises(InvalidStart, match="Expected a @workflow function or a workflow's name"):
        name_of(wanted)


@given(st.from_regex(r"[A-Za-z0-9._:@=+-]{1,200}", fullmatch=True))
def test_ids_that_fit_are_taken(workflow_id: str) -> None:
    assert checked_id(workflow_id) == workflow_id


@pytest.mark.parametrize("workflow_id", ["", "a b", "a/b", "ä", "a\n", "x" * 201, "x\x00", "१"])
def test_ids_that_do_not_fit_are_refused(workflow_id: str) -> None:
    with pytest.raises(InvalidStart, match=r"Expected a workflow id that matches \["):
        checked_id(workflow_id)


def test_an_input_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    assert len(command(data=b"1" * 100, limit=100).input) == 100
    with pytest.raises(InvalidStart, match=r"Expected an input of at most 100 bytes .* but it has 101"):
        command(data=b"1" * 101, limit=100)


def test_an_unknown_wish_for_existing_ids_is_refused() -> None:
    with pytest.raises(InvalidStart, match="if_exists to be one of join, fail, rerun, but found 'replace'"):
        command(if_exists="replace")


@pytest.mark.parametrize(
    ("given", "keywords", "expected"),
    [
        (NO_INPUT, {}, b"{}"),
        (NO_INPUT, {"root": "/usr"}, b'{"root":"/usr"}'),
        (None, {}, b"null"),
        ([1, {"ü": True}], {}, '[1,{"ü":true}]'.encode()),
        (b"\x00raw", {}, b"\x00raw"),
        ({3}, {}, b"[3]"),
        (NO_INPUT, {"at": datetime(2024, 1, 1, tzinfo=UTC)}, b'{"at":"2024-01-01T00:00:00Z"}'),
    ],
)
def test_inputs_as_bytes(given: Any, keywords: dict[str, Any], expected: bytes) -> None:
    assert input_bytes(given, keywords) == expected


_deep: list[Any] = []
_deep.append(_deep)


@pytest.mark.parametrize("given", [math.nan, math.inf, object(), _deep, "\ud800"])
def test_what_json_cannot_hold_is_refused(given: Any) -> None:
    with pytest.raises(InvalidStart, match="Expected an input that JSON can hold"):
        input_bytes(given, {})


def test_an_input_and_keywords_at_once_are_refused() -> None:
    with pytest.raises(InvalidStart, match=r"either an input or keyword arguments, but found both \(root\)"):
        input_bytes({}, {"root": "/usr"})
