"""Types through whole workflows: into tasks and out, into the workflow and out, and what does not fit."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pydantic
import pytest

from headrace import TaskFailed, task, workflow
from headrace.contracts.task_events import TaskFailed as TaskFailedEvent
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.testing import run_workflow

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"


class Sticker(msgspec.Struct):
    colour: Colour
    bits: bytes


class Person(pydantic.BaseModel):
    name: str
    born: datetime


@dataclass
class Parcel:
    id: uuid.UUID
    price: Decimal
    stickers: list[Sticker]
    tags: set[str] = field(default_factory=set)
    size: tuple[int, int] = (0, 0)


PARCEL = Parcel(uuid.UUID(int=5), Decimal("1.20"), [Sticker(Colour.RED, b"\xff")], {"a"}, (1, 2))


@task
def weigh(parcel: Parcel, at: datetime, owner: Person) -> tuple[Decimal, datetime]:
    assert parcel == PARCEL
    assert owner == Person(name="Ada", born=NOON)
    return parcel.price, at + timedelta(days=1)


@task
def stamp(parcel: Parcel) -> Parcel:
    parcel.tags.add("stamped")
    return parcel


@task
async def greet(owner: Person) -> Person:
    return owner.model_copy(update={"name": f"Hello {owner.name}"})


@task
def wrong() -> int:
    return "three"  # type: ignore[return-value]


@workflow
async def ship(ctx: Any, parcel: Parcel, owner: Person) -> dict[str, Any]:
    assert isinstance(parcel, Parcel)
    price, at = await ctx.run(weigh, parcel, NOON, owner=owner)
    assert (price, at) == (Decimal("1.20"), NOON + timedelta(days=1))
    stamped = await ctx.run(stamp, parcel)
    assert stamped.tags == {"a", "stamped"}
    assert [each.id for each in await ctx.map(stamp, [parcel, stamped])] == [parcel.id, parcel.id]
    greeting = await ctx.run(greet, owner)
    return {"greeting": greeting, "stamped": stamped, "at": at}


@workflow
async def one(ctx: Any, parcel: Parcel) -> Parcel:
    return parcel


@workflow
async def family(ctx: Any, parcel: Parcel) -> bool:
    return bool((await ctx.child(one, parcel)) == parcel)


@workflow
async def careless(ctx: Any) -> str:
    try:
        await ctx.run(wrong)
    except TaskFailed as failed:
        return failed.error
    return "nothing"


@workflow
async def lying(ctx: Any) -> int:
    return "three"  # type: ignore[return-value]


def test_values_go_through_unharmed() -> None:
    r = run_workflow(ship, input={"parcel": PARCEL, "owner": Person(name="Ada", born=NOON)})
    assert r.status == "SUCCEEDED", r.cause
    assert r.output["greeting"] == {"name": "Hello Ada", "born": "2024-02-29T12:00:00Z"}
    assert r.output["stamped"]["price"] == "1.20"


def test_what_lies_in_the_log_is_plain_json() -> None:
    r = run_workflow(ship, input={"parcel": PARCEL, "owner": Person(name="Ada", born=NOON)})
    scheduled = [event for event in r.events if isinstance(event, TaskScheduled) and event.task == "weigh"]
    assert msgspec.json.decode(scheduled[0].input)["args"][1] == "2024-02-29T12:00:00Z"
    ended = [event for event in r.events if isinstance(event, TaskSucceeded) and event.task == "weigh"]
    assert ended[0].output == b'["1.20","2024-03-01T12:00:00Z"]'


def test_a_whole_object_is_the_only_parameter() -> None:
    r = run_workflow(one, input=PARCEL)
    assert r.status == "SUCCEEDED", r.cause
    assert msgspec.convert(r.output, Parcel) == PARCEL


def test_a_child_gives_what_it_is_annotated_with() -> None:
    assert run_workflow(family, input=PARCEL, children={"one": one}).output is True


def test_an_input_of_the_wrong_type_fails_the_workflow_at_once() -> None:
    r = run_workflow(one, input={"parcel": {"id": "no uuid", "price": "1", "stickers": []}})
    assert (r.status, r.error) == ("FAILED", "headrace.InputMismatch")
    assert r.cause is not None
    assert "parcel: Expected a Parcel, but Invalid UUID" in r.cause


def test_a_result_of_the_wrong_type_fails_the_task_once_and_for_all() -> None:
    r = run_workflow(careless)
    assert r.output == "headrace.ResultMismatch"
    (failed,) = [event for event in r.events if isinstance(event, TaskFailedEvent)]
    assert failed.retry_at == 0
    assert "Expected task wrong to return what it is annotated with, but Expected a int" in failed.cause


def test_an_output_of_the_wrong_type_fails_the_workflow() -> None:
    r = run_workflow(lying)
    assert (r.status, r.error) == ("FAILED", "headrace.ResultMismatch")


GRAPH = {
    "apiVersion": "headrace/v1",
    "name": "parcels",
    "tasks": {"stamp": {"task": "stamp", "input": "{% $input.parcel %}"}},
}


@pytest.mark.parametrize("price", ["1.20", 1.2])
def test_a_graph_hands_plain_values_to_typed_tasks(price: Any) -> None:
    given = {"id": str(uuid.UUID(int=5)), "price": price, "stickers": []}
    r = run_workflow(GRAPH, input={"parcel": given}, tasks={"stamp": stamp})
    assert r.status == "SUCCEEDED", r.cause
    assert r.output["tags"] == ["stamped"]


def test_a_task_is_told_which_argument_does_not_fit() -> None:
    r = run_workflow(GRAPH, input={"parcel": {"id": 3}}, tasks={"stamp": stamp})
    assert (r.status, r.error) == ("FAILED", "headrace.InputMismatch")
