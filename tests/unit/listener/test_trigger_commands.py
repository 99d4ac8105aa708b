"""From records of a user's topic to start commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.authoring.apps import load_apps
from headrace.authoring.triggers import TriggerDefinition, trigger, triggers_above
from headrace.authoring.workflows import workflow
from headrace.contracts.commands import StartWorkflow
from headrace.shard.ports import Record
from headrace_listener.triggers.commands import Unusable, command_for


def record(value: bytes = b'{"order": "o-1", "lines": [1, 2]}', key: bytes = b"key-1", **options: Any) -> Record:
    headers = [("tenant", b"acme")]
    return Record(topic="orders", partition=2, offset=41, at=99, key=key, value=value, headers=headers, **options)


def start(definition: TriggerDefinition, given: Record | None = None, limit: int = 1_000) -> StartWorkflow:
    return command_for(definition, given or record(), limit_bytes=limit, now_ms=1_234)


def test_a_record_becomes_a_start_command_that_is_the_same_every_time() -> None:
    definition = trigger(topic="orders", id="$record.value.order", workflow="order", version="3")
    command = start(definition)
    assert (command.name, command.version, command.workflow_id, command.if_exists) == ("order", "3", "o-1", "join")
    assert json.loads(command.input) == {"order": "o-1", "lines": [1, 2]}
    assert command.command_id == "trigger:order_trigger:orders/2/41"
    assert start(definition) == command


@pytest.mark.parametrize(
    ("expression", "workflow_id"),
    [
        ("$record.key", "key-1"),
        ("{% $record.headers.tenant & '-' & $record.key %}", "acme-key-1"),
        ("$record.topic & ':' & $record.partition & ':' & $record.offset", "orders:2:41"),
        ("$count($record.value.lines)", "2"),
    ],
)
def test_the_id_is_an_expression(expression: str, workflow_id: str) -> None:
    assert start(trigger(topic="orders", id=expression, workflow="order")).workflow_id == workflow_id


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("$record.value.lines", [1, 2]),
        ({"all": "{% $record.value.lines %}", "fixed": 1}, {"all": [1, 2], "fixed": 1}),
        ({"first": "{% $record.value.lines[0] %}"}, {"first": 1}),
    ],
)
def test_the_input_is_an_expression_or_a_template(given: Any, expected: Any) -> None:
    definition = trigger(topic="orders", id="$record.key", workflow="order", input=given)
    assert json.loads(start(definition).input) == expected


def test_a_function_may_make_the_input() -> None:
    @trigger(topic="orders", id="$record.key", workflow="order")
    def lines(given: dict) -> int:
        return len(given["value"]["lines"])

    assert json.loads(start(lines).input) == 2
    assert lines({"value": {"lines": []}}) == 0

    @trigger(topic="orders", id="$record.key", workflow="order")
    def fails(given: dict) -> int:
        raise KeyError("lines")

    with pytest.raises(Unusable, match="KeyError") as caught:
        start(fails)
    assert caught.value.error == "KeyError"


def test_text_is_taken_as_it_is() -> None:
    definition = trigger(topic="orders", id="$record.key", workflow="order", format="text")
    assert json.loads(start(definition, record(b"not json")).input) == "not json"


@pytest.mark.parametrize(
    ("definition", "given", "error"),
    [
        ({}, record(b"{broken"), "headrace.SerializationError"),
        ({}, record(b"\xff\xfe"), "headrace.SerializationError"),
        ({}, record(b"NaN"), "headrace.SerializationError"),
        ({"id": "$record.value.missing"}, record(), "headrace.ExpressionError"),
        ({"id": "$record.value.lines"}, record(), "headrace.InvalidInput"),
        ({"id": "$record.key"}, record(key=b"no good id"), "headrace.InvalidInput"),
        ({"input": "$record.value.missing"}, record(), "headrace.ExpressionError"),
        ({}, record(json.dumps({"order": "o-1", "long": "x" * 2_000}).encode()), "headrace.InvalidInput"),
    ],
)
def test_a_record_that_starts_nothing_says_why(definition: dict, given: Record, error: str) -> None:
    made = trigger(**{"topic": "orders", "id": "$record.value.order", "workflow": "order", **definition})
    with pytest.raises(Unusable, match="Expected") as caught:
        start(made, given)
    assert caught.value.error == error


def test_a_trigger_above_a_workflow_knows_it() -> None:
    @trigger(topic="orders", id="$record.key")
    @trigger(topic="returns", id="$record.key", name="returned")
    @workflow
    async def order(ctx) -> None: ...

    assert [(t.name, t.topic, t.workflow) for t in triggers_above(order)] == [
        ("returned", "returns", "order"),
        ("order_trigger", "orders", "order"),
    ]


def test_apps_find_triggers_listeners_and_resources(tmp_path, monkeypatch) -> None:
    file = tmp_path / "app_of_triggers.py"
    file.write_text(
        "from headrace import listener, resource, trigger, workflow\n"
        "parser = resource('parser', 4)\n"
        "later = trigger(topic='later', id='$record.key', workflow='order', name='later')\n"
        "@trigger(topic='orders', id='$record.key')\n"
        "@workflow\n"
        "async def order(ctx): ...\n"
        "@listener(events=['TaskFailed'])\n"
        "async def tell(event): ...\n"
    )
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    apps = load_apps([str(file)])
    assert (set(apps.triggers), set(apps.listeners), apps.resources["parser"].capacity) == (
        {"later", "order_trigger"},
        {"tell"},
        4,
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"id": "$event.key"}, "event"),
        ({"topic": ""}, "topic"),
        ({"format": "avro"}, "format"),
        ({"start": "now"}, "start"),
        ({"workflow": "Not a name"}, "workflow"),
        ({"input": {"a": "{% $nothing %}"}}, "nothing"),
    ],
)
def test_a_trigger_that_cannot_work_is_refused(options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        trigger(**{"topic": "orders", "id": "$record.key", "workflow": "order", **options})


def test_a_function_needs_a_workflow_to_start() -> None:
    with pytest.raises(TypeError, match="workflow"):
        trigger(topic="orders", id="$record.key")(lambda given: given)
