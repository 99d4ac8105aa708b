r"""Payload bytes as JSON text that Postgres takes.

A payload is JSON most of the time, and then its text is kept as it is. Whatever is not JSON is shown as an object that
says so, and whatever is sealed is shown sealed: nobody has keys here. Postgres keeps no NUL in a string, so `\u0000` in
a payload becomes U+FFFD: the journals keep the original.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from headrace.payloads.encryption import CONTENT_TYPE as SEALED
from headrace.payloads.encryption import MAGIC as SEALED_MAGIC

REPLACEMENT = "\ufffd"
_valid = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.Encoder().encode


def json_text(data: bytes, content_type: str = "application/json") -> str | None:
    """Return a payload as JSON text; None for an empty one."""
    if not data:
        return None
    try:
        text = data.decode()
        _valid.decode(data)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return _encode(_as_object(data, content_type)).decode()
    return without_nul_escapes(text) if "\\u0000" in text else text


def shortened(data: bytes, limit: int, content_type: str = "application/json") -> msgspec.Raw | None:
    """Return a payload as raw JSON for a history row: the first part of it, marked, where it is longer than `limit`
    bytes.
    """
    if len(data) > limit and data.startswith(SEALED_MAGIC):
        return msgspec.Raw(_encode({"$truncated": True, "bytes": len(data), "$content_type": SEALED}))
    if len(data) > limit:
        beginning = data[:limit].decode("utf-8", "replace").replace("\0", REPLACEMENT)
        return msgspec.Raw(_encode({"$truncated": True, "bytes": len(data), "begins": beginning}))
    text = json_text(data, content_type)
    return None if text is None else msgspec.Raw(text.encode())


def plain(text: str) -> str:
    """Return a string that a text column takes."""
    return text.replace("\0", REPLACEMENT) if "\0" in text else text


def without_nul_escapes(text: str) -> str:
    """Return JSON text with every escaped NUL replaced, in keys and values alike."""
    try:
        return json.dumps(_without_nul(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return _encode(_as_object(text.encode(), "application/json")).decode()


def object_text(data: bytes) -> str:
    """Return a JSON object as text that Postgres can take apart, which is stricter; `{}` where the payload is none."""
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        # Half of a surrogate pair becomes a question mark.
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return "{}"
    return _encode(_without_nul(value) if isinstance(value, dict) else {}).decode()


def merged_objects(first: str, second: str) -> str:
    """Return a JSON object with the members of both; those of the second one hold."""
    return _encode({**json.loads(first), **json.loads(second)}).decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): _without_nul(item) for key, item in value.items()}
    return value


def _as_object(data: bytes, content_type: str) -> dict[str, str]:
    if data.startswith(SEALED_MAGIC):
        return {"$content_type": SEALED, "$base64": base64.b64encode(data).decode()}
    try:
        return {"$content_type": plain(content_type), "$text": plain(data.decode())}
    except UnicodeDecodeError:
        return {
            "$content_type": plain(content_type),
            "$base64": base64.b64encode(data).decode(),
        }
