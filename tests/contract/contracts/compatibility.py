"""Whether two versions of a schema understand each other, in both directions, by our rules.

A field may be added or removed where it has a default, a new event may join the union of JournalRecord (older readers
drop it), and docs may change. Everything else (another type, another name, a lost default, another order of a union)
may not.
"""

from __future__ import annotations

from typing import Any

# The one union that may grow: our reader drops branches that it does not know.
OPEN_UNION = "JournalRecord.events"


def problems(older: Any, newer: Any) -> list[str]:
    """Return what keeps readers and writers of two versions from each other."""
    found: list[str] = []
    _compare(older, newer, older["name"], found, _named(older, {}), _named(newer, {}))
    return found


def without_docs(schema: Any) -> Any:
    """Return a schema without its docs, which may change at any time."""
    if isinstance(schema, dict):
        return {key: without_docs(value) for key, value in schema.items() if key != "doc"}
    return [without_docs(item) for item in schema] if isinstance(schema, list) else schema


def _compare(old: Any, new: Any, place: str, found: list[str], olds: dict[str, Any], news: dict[str, Any]) -> None:
    old, new = olds.get(old, old) if isinstance(old, str) else old, news.get(new, new) if isinstance(new, str) else new
    if isinstance(old, list) and isinstance(new, list):
        _compare_unions(old, new, place, found, olds, news)
    elif _kind(old) != _kind(new):
        found.append(f"{place}: {_kind(old)} became {_kind(new)}")
    elif isinstance(old, dict):
        if old["type"] == "record":
            _compare_records(old, new, found, olds, news)
        else:
            inner = "items" if old["type"] == "array" else "values"
            _compare(old[inner], new[inner], place, found, olds, news)


def _compare_records(old: Any, new: Any, found: list[str], olds: dict[str, Any], news: dict[str, Any]) -> None:
    name = old["name"]
    before, after = ({field["name"]: field for field in each["fields"]} for each in (old, new))
    removed, added = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    bare = "removed, and older readers have no default for it"
    found += [f"{name}.{field}: {bare}" for field in removed if "default" not in before[field]]
    found += [f"{name}.{field}: added without a default" for field in added if "default" not in after[field]]
    for field in sorted(before.keys() & after.keys()):
        if "default" in before[field] and "default" not in after[field]:
            found.append(f"{name}.{field}: lost its default")
        _compare(before[field]["type"], after[field]["type"], f"{name}.{field}", found, olds, news)


def _compare_unions(
    old: list[Any], new: list[Any], place: str, found: list[str], olds: dict[str, Any], news: dict[str, Any]
) -> None:
    if [_kind(each) for each in new[: len(old)]] != [_kind(each) for each in old]:
        found.append(f"{place}: branches of the union changed or moved")
        return
    if len(new) > len(old) and place != OPEN_UNION:
        found.append(f"{place}: the union grew, and older readers do not know the new branch")
    for before, after in zip(old, new, strict=False):
        _compare(before, after, place, found, olds, news)


def _kind(schema: Any) -> str:
    if isinstance(schema, str):
        return schema.rpartition(".")[2]
    if isinstance(schema, list):
        return "union"
    return str(schema["name"]) if schema["type"] == "record" else str(schema["type"])


def _named(node: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return the records within a schema by their full names, which stand for them at their second use."""
    if isinstance(node, list):
        for item in node:
            _named(item, found)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            found[f"{node['namespace']}.{node['name']}"] = node
            for field in node["fields"]:
                _named(field["type"], found)
        else:
            for key in ("type", "items", "values"):
                _named(node.get(key), found)
    return found
