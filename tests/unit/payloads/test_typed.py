"""Values of every kind go to JSON and come back as what annotations name; what does not fit is said clearly."""

from __future__ import annotations

import dataclasses
import enum
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import msgspec
import pydantic
import pytest

from headrace.payloads import converters
from headrace.payloads.converters import NoConverter, converter, to_json
from headrace.payloads.typed import Mismatch, conversion_to, convert


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1


class Rate(enum.Enum):
    LOW = 0.5
    PAIR = (1, 2)


@dataclasses.dataclass
class Parcel:
    weight: Decimal
    at: datetime
    colour: Colour = Colour.RED


@dataclasses.dataclass
class Letter:
    pages: int


@dataclasses.dataclass
class Post:
    content: Parcel | Letter
    rate: Rate


class Point(msgspec.Struct):
    x: int
    y: int = 0


class Place(NamedTuple):
    name: str
    at: tuple[float, float]


class Row(TypedDict):
    n: int


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(alias="fullName")
    born: date
    picture: bytes = b""
    model_config = pydantic.ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.cents == other.cents

    __hash__ = None  # type: ignore[assignment]


Id = NewType("Id", int)
AT = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)

VALUES: list[tuple[Any, Any]] = [
    (None, None),
    (3, int),
    (1.5, float),
    ("a", str),
    (b"\x00\xff", bytes),
    (AT, datetime),
    (date(2024, 2, 29), date),
    (time(1, 2, 3), time),
    (timedelta(days=3, milliseconds=5), timedelta),
    (uuid.UUID(int=7), uuid.UUID),
    (Decimal("1.10"), Decimal),
    (Colour.BLUE, Colour),
    (Size.SMALL, Size),
    (Rate.LOW, Rate),
    (Rate.PAIR, Rate),
    ({1, 2}, set[int]),
    (frozenset({"a"}), frozenset[str]),
    ((1, "a", AT), tuple[int, str, datetime]),
    ((1, 2, 3), tuple[int, ...]),
    ({1: AT, 2: AT}, dict[int, datetime]),
    ({uuid.UUID(int=1): [Colour.RED]}, dict[uuid.UUID, list[Colour]]),
    (Parcel(Decimal("0.1"), AT, Colour.BLUE), Parcel),
    ([Parcel(Decimal(1), AT)], list[Parcel]),
    (Point(1, 2), Point),
    (Point(1, 2), Point | None),
    (None, Point | None),
    (Letter(3), Parcel | Letter),
    ([Letter(3), Parcel(Decimal(1), AT)], list[Parcel | Letter]),
    ({"a": Rate.LOW}, dict[str, Rate]),
    ({3: Rate.PAIR}, dict[int, Rate]),
    (Post(Letter(1), Rate.PAIR), Post),
    (Place("x", (1.0, 2.0)), Place),
    ({"n": 1}, Row),
    ("a", Literal["a", "b"]),
    (3, Annotated[int, msgspec.Meta(ge=1)]),
    (Id(3), Id),
    (Person(fullName="Ada", born=date(1815, 12, 10), picture=b"\x00\xff"), Person),
    ([Person(fullName="Ada", born=date(1815, 12, 10))], list[Person]),
    ({"p": Person(fullName="Ada", born=date(1815, 12, 10))}, dict[str, Person | None]),
    ("x", Person | str),
    (PurePosixPath("/a/b"), PurePosixPath),
    (Path("/a/b"), Path),
]


@pytest.mark.parametrize(("value", "wanted"), VALUES, ids=lambda each: str(each)[:40])
def test_a_value_goes_through_unharmed(value: Any, wanted: Any) -> None:
    found = convert(msgspec.json.decode(to_json(value)), wanted)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "wanted", "text"),
    [
        ("abc", int, "Expected a int, but Expected `int`, got `str`"),
        ({"weight": "1"}, Parcel, "missing required field `at`"),
        ({"weight": "1", "at": "today"}, Parcel, "Invalid RFC3339"),
        ("green", Colour, "Invalid enum value 'green'"),
        (0.7, Rate, "Expected a value of Rate, but found 0.7"),
        ({"fullName": "Ada"}, Person, "born"),
        ([1, "a"], list[int], r"at `\$\[1\]`"),
        ({"x": 1}, Parcel | Letter, "none fits"),
        (3, list[Rate], "but found int"),
        (0, Annotated[int, msgspec.Meta(ge=1)], ">= 1"),
        ({}, Money, "Money is not known; register a headrace.converter"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_a_value_that_does_not_fit_is_refused_with_what_was_expected_and_found(
    value: Any, wanted: Any, text: str
) -> None:
    with pytest.raises(Mismatch, match=text):
        convert(value, wanted)


@pytest.mark.parametrize("wanted", [Any, object])
def test_what_may_be_anything_costs_nothing(wanted: Any) -> None:
    assert conversion_to(wanted) is None


@pytest.mark.parametrize("wanted", [Iterable[int], Iterator[int] | list[int]])
def test_an_abstract_type_is_met_by_what_it_describes(wanted: Any) -> None:
    assert convert([1, 2], wanted) == [1, 2]


def test_a_registered_converter_is_used_wherever_the_type_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "_registered", {})
    with pytest.raises(TypeError, match="Money is not known; return plain values, or register"):
        to_json(Money(3))
    with pytest.raises(Mismatch):
        convert(3, Money)
    converter(Money, encode=lambda money: money.cents, decode=Money)
    for value, wanted in ((Money(3), Money), ([Money(3)], list[Money]), ({"a": Money(1)}, dict[str, Money])):
        assert convert(msgspec.json.decode(to_json(value)), wanted) == value


@pytest.mark.parametrize(
    ("kind", "encode", "text"), [("Money", str, "Expected a class"), (Money, None, "Expected functions")]
)
def test_a_converter_that_is_none_is_refused(kind: Any, encode: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        converter(kind, encode=encode, decode=Money)


def test_an_unknown_type_is_told_apart_from_a_wrong_value() -> None:
    conversion = conversion_to(Callable[[], int])
    assert conversion is not None
    with pytest.raises(NoConverter):
        conversion(3)
