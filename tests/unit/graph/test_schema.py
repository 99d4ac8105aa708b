"""The JSON Schema for editors says what the loader says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.contracts.schemas import schema_folder
from headrace.engine.graph import load, nodes, retries
from headrace.engine.graph.model import RUN_IF

SCHEMA = json.loads((schema_folder() / "graph.schema.json").read_text(encoding="utf-8"))
PARTS = SCHEMA["$defs"]


def fields(part: dict[str, Any]) -> set[str]:
    """Return the fields of an object; the schema must allow no others."""
    assert part["additionalProperties"] is False
    return set(part["properties"])


def test_the_document_has_the_same_fields() -> None:
    assert fields(SCHEMA) == set(load.FIELDS)
    assert fields(SCHEMA["properties"]["defaults"]) == set(nodes.DEFAULTS)
    assert SCHEMA["properties"]["apiVersion"]["const"] == load.API_VERSION
    assert SCHEMA["properties"]["tasks"]["maxProperties"] == load.MAX_TASKS


@pytest.mark.parametrize("kind", nodes.KINDS)
def test_a_task_has_the_same_fields(kind: Any) -> None:
    assert fields(PARTS[kind]) == set(nodes.FIELDS[kind])
    assert PARTS[kind]["required"] == [kind]
    assert PARTS[kind]["properties"]["run_if"]["enum"] == list(RUN_IF)


def test_on_exit_has_the_same_fields() -> None:
    both = fields(PARTS["exit_task"]) | fields(PARTS["exit_workflow"])
    assert both == set(nodes.ON_EXIT_FIELDS)


def test_retry_has_the_same_fields() -> None:
    schedule, growing = PARTS["retry"]["oneOf"]
    assert fields(schedule) | fields(growing) == set(retries.FIELDS)


def test_every_reference_leads_somewhere() -> None:
    pending: list[Any] = [SCHEMA]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if "$ref" in part:
                assert part["$ref"].removeprefix("#/$defs/") in PARTS
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def test_every_field_is_described() -> None:
    described = [SCHEMA, *(part for part in PARTS.values() if "properties" in part)]
    for part in described:
        for name, inner in part["properties"].items():
            assert "description" in inner or "const" in inner, name
