"""The Avro schemas on disk and their ids.

`schemas/` is the source of truth. `schemas/ids.json` gives every version of every schema a number, so that no
registry is needed to begin; the codec writes that number into the Confluent frame.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

NAMESPACE = "headrace.v1"
_HERE = Path(__file__).resolve().parent
# An installed wheel carries the schemas inside the package; a checkout has them at its top.
_PLACES = (_HERE.parent / "schemas", _HERE.parents[2] / "schemas")


def schema_folder() -> Path:
    """Return the folder that holds the schemas."""
    for place in _PLACES:
        if (place / "ids.json").is_file():
            return place
    raise FileNotFoundError(
        f"Expected the schemas in one of {[str(p) for p in _PLACES]}, but found none; reinstall headrace"
    )


@cache
def raw_schemas() -> dict[str, dict[str, Any]]:
    """Return every current schema as JSON, by full name."""
    found = {}
    for file in sorted(schema_folder().glob("*/*.avsc")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        found[f"{schema['namespace']}.{schema['name']}"] = schema
    return found


@cache
def parsed_schema(name: str) -> Any:
    """Return a schema ready for fastavro, with everything that it refers to resolved. `name` is without namespace."""
    # expand_schema writes each referred type out at its first use, so that the result stands on its own.
    return fastavro.parse_schema(_expand(f"{NAMESPACE}.{name}", set()))


def self_contained(name: str) -> Any:
    """Return a schema as plain JSON with everything that it refers to written out: what a registry takes."""
    return _expand(f"{NAMESPACE}.{name}", set())


def _expand(node: Any, seen: set[str]) -> Any:
    if isinstance(node, str) and node.startswith(f"{NAMESPACE}."):
        if node in seen:
            return node
        return _expand(raw_schemas()[node], seen)
    if isinstance(node, list):
        return [_expand(item, seen) for item in node]
    if isinstance(node, dict):
        if node.get("type") == "record":
            seen.add(f"{node['namespace']}.{node['name']}")
            fields = [{**field, "type": _expand(field["type"], seen)} for field in node["fields"]]
            return {**node, "fields": fields}
        return {
            key: _expand(value, seen) if key in ("items", "values", "type") else value for key, value in node.items()
        }
    return node


@cache
def schema_ids() -> dict[str, dict[int, int]]:
    """Return the ids from the checked-in file: schema name -> version -> id."""
    table = json.loads((schema_folder() / "ids.json").read_text(encoding="utf-8"))
    return {
        name: {int(version): int(number) for version, number in versions.items()} for name, versions in table.items()
    }
