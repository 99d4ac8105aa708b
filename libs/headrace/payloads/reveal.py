"""Answers of the read API with what is sealed in them opened, for those who have the key."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from headrace.payloads.encryption import CONTENT_TYPE, Unreadable
from headrace.payloads.sealing import Sealing

_SHOWN = frozenset({"$content_type", "$base64", "$bytes"})
_JSON = "application/json"


def revealed(answer: Any, sealing: Sealing) -> Any:
    """Return an answer with every sealed payload and text in it opened; what this process cannot open stays as it is.

    A sealed payload is shown as `{"$content_type": ..., "$base64": ...}`, and the content type of what it stands in
    becomes that of what was sealed.
    """
    return answer if sealing.keys is None else _walk(answer, sealing)


def _walk(value: Any, sealing: Sealing) -> Any:
    if isinstance(value, str):
        try:
            return sealing.opened_text(value)
        except Unreadable:
            return value
    if isinstance(value, list):
        return [_walk(item, sealing) for item in value]
    if not isinstance(value, dict):
        return value
    if is_shown_sealed(value):
        return _opened(value, sealing)[0]
    found = {}
    kind = ""
    for name, item in value.items():
        if isinstance(item, dict) and is_shown_sealed(item):
            found[name], kind = _opened(item, sealing)
        else:
            found[name] = _walk(item, sealing)
    if kind and value.get("content_type") == CONTENT_TYPE:
        found["content_type"] = kind
    return found


def is_shown_sealed(value: Any) -> bool:
    """Tell whether a value of an answer is a payload that is sealed."""
    return isinstance(value, dict) and value.get("$content_type") == CONTENT_TYPE and set(value) <= _SHOWN


def _opened(value: dict[str, Any], sealing: Sealing) -> tuple[Any, str]:
    try:
        data, kind = sealing.open(base64.b64decode(value.get("$base64", "")))
    except (Unreadable, binascii.Error):
        return value, ""
    if kind == _JSON or kind.endswith("+json"):
        try:
            return json.loads(data), kind
        except ValueError:
            return value, ""
    return {"$content_type": kind, "$base64": base64.b64encode(data).decode()}, kind
