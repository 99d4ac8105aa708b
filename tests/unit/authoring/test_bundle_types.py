"""The types that a workflow reaches travel in its bundle: its input's, its classes' fields', its tasks' results'."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from headrace.authoring.bundle import make_bundle
from headrace.authoring.bundle_loading import BundleError, load_bundle
from headrace.engine.graph.problems import InvalidDefinition
from headrace.payloads.converters import registered_for
from headrace.payloads.signatures import Parameters, result_type

Write = Callable[[str, str], ModuleType]
SHOP = """
from __future__ import annotations
import enum
from dataclasses import dataclass
from datetime import datetime
from headrace import task, workflow
import pandas_like
from shop_types import Parcel, Tree

class Colour(enum.Enum):
    RED = "red"

@dataclass
class Order:
    parcels: list[Parcel]
    colour: Colour
    at: datetime

@task
def pack(order: Order) -> list[Parcel]:
    return order.parcels

@task
def count() -> dict[str, int]:
    return {}

@task
def table() -> pandas_like.Frame: ...

@task
def grow() -> Tree: ...

@workflow
async def other(ctx) -> Order | None: ...

@workflow
async def flow(ctx, order: Order) -> Parcel:
    await ctx.run(count)
    await ctx.run(table)
    await ctx.run(grow)
    await ctx.child(other)
    parcels = await ctx.run(pack, order)
    return parcels[0]
"""
TYPES = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Parcel:
    weight: float

@dataclass
class Tree:
    branches: list[Tree]
"""


@pytest.fixture
def shop(write: Write) -> ModuleType:
    write("pandas_like", "import socket\nclass Frame:\n    connection = socket.socket\n")
    write("shop_types", TYPES)
    return write("shop", SHOP)


def stubs(function: Any) -> dict[str, Any]:
    names = ("pack", "count", "table", "grow", "other")
    return {name: getattr(function.__globals__[name], "result_type", None) for name in names}


def test_inputs_and_results_have_types_of_the_bundle(shop: ModuleType) -> None:
    function = load_bundle(make_bundle(shop.flow).to_bytes())
    given = {"parcels": [{"weight": 1}], "colour": "red", "at": "2024-01-01T00:00:00Z"}
    _, kwargs = Parameters(function, skip=1).fit([], {"order": given})
    order = kwargs["order"]
    assert dataclasses.is_dataclass(order)
    assert type(order).__module__.endswith(".shop")
    assert type(order).__module__ != "shop"
    assert type(order.parcels[0]) is result_type(function)
    assert order.colour.name == "RED"


def test_tasks_and_children_carry_the_types_of_their_results(shop: ModuleType) -> None:
    function = load_bundle(make_bundle(shop.flow).to_bytes())
    found = stubs(function)
    parcel = result_type(function)
    assert found["pack"] == list[parcel]
    assert found["count"] == dict[str, int]
    assert found["other"] == function.__globals__["Order"] | None
    (branches,) = get_args(get_type_hints(found["grow"])["branches"])
    assert branches is found["grow"]


def test_a_result_whose_type_cannot_travel_stays_plain(shop: ModuleType) -> None:
    function = load_bundle(make_bundle(shop.flow).to_bytes())
    assert stubs(function)["table"] is None


MODEL = """
import pydantic
from headrace import task, workflow

class Person(pydantic.BaseModel):
    name: str
    friends: list["Person"] = []

@task
def find(name: str) -> Person: ...

@workflow
async def flow(ctx, person: Person) -> Person:
    return await ctx.run(find, person.name)

@workflow
async def passing(ctx, name: str):
    return await ctx.run(find, name)
"""


def test_a_type_of_a_package_that_is_not_allowed_is_refused_with_what_to_do(write: Write) -> None:
    module = write("people", MODEL)
    with pytest.raises(InvalidDefinition) as caught:
        make_bundle(module.flow)
    (problem,) = caught.value.problems
    assert "it uses pydantic" in problem.message
    assert "name pydantic in HEADRACE_DECISION_ALLOWED_PACKAGES, here and for the decision service" in problem.message
    assert problem.line == 5


def test_a_type_of_an_allowed_package_is_imported_where_the_bundle_is_loaded(write: Write) -> None:
    packages = frozenset({"pydantic"})
    module = write("people", MODEL)
    source = make_bundle(module.flow, packages).to_bytes()
    function = load_bundle(source, packages)
    _, kwargs = Parameters(function, skip=1).fit([], {"person": {"name": "Ada", "friends": [{"name": "Bob"}]}})
    assert kwargs["person"].friends[0].name == "Bob"
    assert function.__globals__["find"].result_type is type(kwargs["person"])
    with pytest.raises(BundleError, match="HEADRACE_DECISION_ALLOWED_PACKAGES"):
        load_bundle(source)


def test_a_result_of_a_package_that_is_not_allowed_is_passed_on_as_it_is(write: Write) -> None:
    function = load_bundle(make_bundle(write("people", MODEL).passing).to_bytes())
    assert not hasattr(function.__globals__["find"], "result_type")


def test_a_package_that_is_not_installed_is_named(write: Write) -> None:
    packages = frozenset({"nowhere"})
    bundle = make_bundle(write("people", MODEL).passing)
    (piece,) = bundle.modules
    source = bundle.to_bytes().replace(b'"source"', b'"imports":{"x":["nowhere",""]},"source"')
    assert not piece.imports
    with pytest.raises(BundleError, match="Expected nowhere to be installed here"):
        load_bundle(source, packages)


MONEY = """
from headrace import converter, task, workflow

class Money:
    def __init__(self, cents):
        self.cents = cents

def cents(money):
    return money.cents

@workflow
async def flow(ctx, price: Money) -> Money:
    return Money(price.cents + 1)
"""


def test_a_registered_converter_travels_with_its_type(write: Write) -> None:
    module = write("money", MONEY + "\nconverter(Money, encode=cents, decode=Money)\n")
    function = load_bundle(make_bundle(module.flow).to_bytes())
    args, _ = Parameters(function, skip=1).fit([7], {})
    assert args[0].cents == 7
    assert type(args[0]) is not module.Money
    found = registered_for(type(args[0]))
    assert found is not None
    assert found.encode(args[0]) == 7


def test_a_converter_that_cannot_travel_is_refused(write: Write) -> None:
    module = write("money", MONEY + "\nconverter(Money, encode=lambda money: money.cents, decode=Money)\n")
    with pytest.raises(InvalidDefinition, match="the converter of Money to be of functions at the top of a module"):
        make_bundle(module.flow)
