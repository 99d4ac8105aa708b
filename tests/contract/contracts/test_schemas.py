"""Types and schemas agree, every field has a doc, and every released version understands the current one and is
understood.
"""

from __future__ import annotations

import copy
import json
from io import BytesIO
from typing import Any, get_type_hints

import fastavro
import msgspec
import pytest
from fastavro.utils import generate_many

from headrace.contracts.codec import CheckedInIds, Codec
from headrace.contracts.commands import CancelWorkflow
from headrace.contracts.events import ALL_EVENTS
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.release import released_file, released_schema
from headrace.contracts.schemas import NAMESPACE, parsed_schema, raw_schemas, schema_folder, schema_ids, self_contained
from tests.contract.contracts.compatibility import problems, without_docs

NAMES = sorted(MESSAGE_TYPES)
_PRIMITIVES = {"string": str, "long": int, "int": int, "bytes": bytes, "boolean": bool, "double": float}
RELEASED = sorted((file.parent.name, int(file.stem)) for file in (schema_folder() / "released").glob("*/*.avsc"))


def _type_of(schema: Any) -> Any:
    """Return the Python type that a field's schema asks for."""
    match schema:
        case [*branches] if branches[0] == "null":
            return _type_of(branches[1]) | None
        case [*_]:
            return Message
        case {"type": "array", "items": items}:
            return list[_type_of(items)]  # type: ignore[misc]
        case {"type": "map", "values": values}:
            return dict[str, _type_of(values)]  # type: ignore[misc]
        case str() if schema in _PRIMITIVES:
            return _PRIMITIVES[schema]
    return MESSAGE_TYPES[schema.removeprefix(f"{NAMESPACE}.")]


def _default_of(field: dict[str, Any]) -> Any:
    if "default" not in field:
        return msgspec.NODEFAULT
    return field["default"].encode() if field["type"] == "bytes" else field["default"]


def _default_in(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def test_there_is_one_type_for_each_schema() -> None:
    assert {f"{NAMESPACE}.{name}" for name in MESSAGE_TYPES} == set(raw_schemas())


@pytest.mark.parametrize("name", NAMES)
def test_a_type_has_the_fields_types_and_defaults_of_its_schema(name: str) -> None:
    schema = raw_schemas()[f"{NAMESPACE}.{name}"]
    hints = get_type_hints(MESSAGE_TYPES[name])
    fields = msgspec.structs.fields(MESSAGE_TYPES[name])
    assert {field.name: hints[field.name] for field in fields} == {
        field["name"]: _type_of(field["type"]) for field in schema["fields"]
    }
    assert {field.name: _default_in(field) for field in fields} == {
        field["name"]: _default_of(field) for field in schema["fields"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_and_every_field_has_a_doc(name: str) -> None:
    schema = raw_schemas()[f"{NAMESPACE}.{name}"]
    undocumented = [field["name"] for field in schema["fields"] if not field.get("doc", "").strip()]
    assert schema["doc"].strip()
    assert undocumented == []


def test_a_journal_record_can_hold_every_event_and_nothing_else() -> None:
    (events,) = (field for field in raw_schemas()[f"{NAMESPACE}.JournalRecord"]["fields"] if field["name"] == "events")
    assert sorted(events["type"]["items"]) == sorted(f"{NAMESPACE}.{event.type_name()}" for event in ALL_EVENTS)


def test_ids_are_unique_and_every_schema_has_one_for_each_version() -> None:
    numbers = [number for versions in schema_ids().values() for number in versions.values()]
    assert len(numbers) == len(set(numbers))
    assert set(schema_ids()) == set(MESSAGE_TYPES)
    for name, versions in schema_ids().items():
        assert sorted(versions) == list(range(1, len(versions) + 1)), name


@pytest.mark.parametrize("name", NAMES)
def test_every_version_with_an_id_is_released_and_the_current_schema_is_the_last_one(name: str) -> None:
    missing = [version for version in schema_ids()[name] if not released_file(name, version).is_file()]
    assert missing == [], "run: python -m headrace.contracts.release"
    last = released_schema(name, max(schema_ids()[name]))
    assert without_docs(self_contained(name)) == without_docs(last), (
        f"{name} changed after its release: give it the next version and a new id in schemas/ids.json, then run "
        "python -m headrace.contracts.release (before anybody has used it, --replace will do)"
    )


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_every_released_version_and_the_current_one_understand_each_other(name: str, version: int) -> None:
    assert problems(released_schema(name, version), self_contained(name)) == []


@pytest.mark.parametrize(("name", "version"), [each for each in RELEASED if each[0] != "JournalRecord"])
def test_records_of_one_version_are_read_by_the_other(name: str, version: int) -> None:
    older, newer = fastavro.parse_schema(released_schema(name, version)), parsed_schema(name)
    for writer, reader in ((older, newer), (newer, older)):
        for record in generate_many(writer, 3):
            out = BytesIO()
            fastavro.schemaless_writer(out, writer, record)
            out.seek(0)
            read: Any = fastavro.schemaless_reader(out, writer, reader)
            assert set(read) == {field["name"] for field in reader["fields"]}


# What our rules forbid, each as a change to a released schema.
def _changed(name: str, change: Any) -> tuple[Any, Any]:
    schema = self_contained(name)
    newer = copy.deepcopy(schema)
    change(newer)
    return schema, newer


def _add(default: Any = msgspec.NODEFAULT) -> Any:
    field = {"name": "extra", "type": "string", "doc": "x", **({} if default is msgspec.NODEFAULT else {"default": ""})}
    return lambda schema: schema["fields"].append(field)


def _retype(schema: Any) -> None:
    schema["fields"][0]["type"] = "long"


def _nested(schema: Any) -> None:
    parent = next(field for field in schema["fields"] if field["name"] == "parent")
    parent["type"][1]["fields"][0]["type"] = "bytes"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("StartWorkflow", _add(), ["StartWorkflow.extra: added without a default"]),
        ("StartWorkflow", lambda s: s["fields"].pop(0), ["StartWorkflow.command_id: removed, and older readers"]),
        ("StartWorkflow", _retype, ["StartWorkflow.command_id: string became long"]),
        ("StartWorkflow", lambda s: s["fields"][-1].pop("default"), ["StartWorkflow.key: lost its default"]),
        ("WorkflowStarted", _nested, ["ParentRef.workflow_id: string became bytes"]),
        ("JournalRecord", lambda s: s["fields"][-1]["type"]["items"].reverse(), ["JournalRecord.events: branches of"]),
        ("StartWorkflow", _add(""), []),
        ("StartWorkflow", lambda s: s["fields"].pop(), []),
    ],
)
def test_the_rules_find_what_would_break_somebody(name: str, change: Any, expected: list[str]) -> None:
    found = problems(*_changed(name, change))
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def test_an_older_version_is_read_with_its_own_schema_and_new_fields_get_their_defaults() -> None:
    """As if version 1 of a command had lacked its last field, and had one that is gone since."""
    older = self_contained("CancelWorkflow")
    assert older["fields"].pop()["name"] == "reason"
    older["fields"].append({"name": "gone", "type": "string", "default": "", "doc": "x"})

    class Ids(CheckedInIds):
        def schema_of(self, schema_id: int) -> tuple[str, Any]:
            return "CancelWorkflow", fastavro.parse_schema(older)

    out = BytesIO()
    out.write(b"\0" + schema_ids()["CancelWorkflow"][1].to_bytes(4, "big"))
    record = {"command_id": "c", "workflow_id": "w", "issued_at": 1, "gone": "x"}
    fastavro.schemaless_writer(out, fastavro.parse_schema(older), record)
    read = Codec(Ids()).decode(out.getvalue())
    assert read == CancelWorkflow(command_id="c", workflow_id="w", issued_at=1, reason="")


def test_a_released_file_is_json_that_stands_on_its_own() -> None:
    for name, version in RELEASED:
        fastavro.parse_schema(json.loads(released_file(name, version).read_text(encoding="utf-8")))
