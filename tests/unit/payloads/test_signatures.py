"""Inputs become what parameters are annotated as."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from headrace.payloads.signatures import parameters_of, result_check, result_type
from headrace.payloads.typed import Mismatch

if TYPE_CHECKING:
    from elsewhere import Unknown  # type: ignore[import-not-found]

AT = datetime(2024, 1, 1, tzinfo=UTC)
TEXT = "2024-01-01T00:00:00Z"


@dataclasses.dataclass
class Order:
    number: int
    at: datetime = AT


def plain(a, b=3): ...  # type: ignore[no-untyped-def]
def one(order: Order) -> None: ...
def two(order: Order, at: datetime) -> Order | None: ...
def many(*orders: Order, **times: datetime) -> None: ...
def maybe(text: str = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013 (what is tested)
def optional(order: Order = Order(0)) -> None: ...  # noqa: B008
def checker_only(value: Unknown) -> Unknown: ...
def mapping(values: dict[str, int]) -> dict[str, int]: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        (plain, [1], {"b": TEXT}, ([1], {"b": TEXT})),
        (two, [{"number": 1}], {"at": TEXT}, ([Order(1)], {"at": AT})),
        (two, [], {"order": {"number": 1, "at": TEXT}, "at": TEXT}, ([], {"order": Order(1, AT), "at": AT})),
        (many, [{"number": 1}, {"number": 2}], {"x": TEXT}, ([Order(1), Order(2)], {"x": AT})),
        (maybe, [None], {}, ([None], {})),
        (checker_only, [3], {}, ([3], {})),
        # What belongs to no parameter is left alone: whether it fits is asked elsewhere.
        (one, [{"number": 1}, 2], {"other": 3}, ([Order(1), 2], {"other": 3})),
        # A whole object for the only parameter.
        (one, [], {"number": 1}, ([Order(1)], {})),
        (one, [], {"order": {"number": 1}}, ([], {"order": Order(1)})),
        (mapping, [], {"a": 1}, ([{"a": 1}], {})),
        (mapping, [], {"values": 1}, ([{"values": 1}], {})),
        (mapping, [], {}, ([{}], {})),
        (optional, [], {}, ([], {})),
        # Null is no input where it fits nothing and nothing is needed.
        (optional, [None], {}, ([], {})),
    ],
)
def test_arguments_become_what_is_annotated(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], expected: Any
) -> None:
    assert parameters_of(function).fit(args, kwargs) == expected


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "text"),
    [
        (two, [3], {}, "order: Expected a Order"),
        (two, [], {"at": "now"}, "at: Expected a datetime"),
        (many, [{"number": "x"}], {}, "orders: Expected a Order"),
        (one, [], {"order": 3}, "order: Expected a Order"),
        (one, [None], {}, "order: Expected a Order"),
    ],
)
def test_an_argument_of_another_type_is_named(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], text: str
) -> None:
    with pytest.raises(Mismatch, match=text):
        parameters_of(function).fit(args, kwargs)


def test_results_are_checked_by_their_annotation() -> None:
    check = result_check(two)
    assert check is not None
    check(b"null")
    check(b'{"number": 1}')
    with pytest.raises(Mismatch, match="Order"):
        check(b'"done"')


def test_results_without_a_known_annotation_are_not_looked_at() -> None:
    assert result_check(plain) is None
    assert result_check(checker_only) is None
    assert result_type(checker_only) is Any
