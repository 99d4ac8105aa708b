"""States and requests as plain JSON values, to be read and compared."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: structs and the like are objects, sets are sorted, bytes are text where
    they are UTF-8. Indexes, which have private names, are left out.
    """
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(each) for each in value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return "base64:" + base64.b64encode(value).decode()
    if isinstance(value, str | int | float | bool | None):
        return value
    if slots := getattr(type(value), "__slots__", ()):
        return {name: plain(getattr(value, name)) for name in slots if not name.startswith("_")}
    return [plain(each) for each in value]


def missing(golden: Any, found: Any, path: str = "") -> list[str]:
    """Return where a value does not hold what the golden one does: objects may have more, else nothing may differ."""
    if isinstance(golden, dict) and isinstance(found, dict):
        lost = [f"{path}/{key} is gone" for key in golden if key not in found]
        return lost + [
            problem for key in golden if key in found for problem in missing(golden[key], found[key], f"{path}/{key}")
        ]
    if isinstance(golden, list) and isinstance(found, list) and len(golden) == len(found):
        return [
            problem
            for at, (one, other) in enumerate(zip(golden, found, strict=True))
            for problem in missing(one, other, f"{path}/{at}")
        ]
    return [] if golden == found else [f"{path}: expected {golden!r}, but found {found!r}"]


def _key(key: Any) -> str:
    return key if isinstance(key, str) else "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
