"""Which parts of messages are user data, and their sealing and opening as a whole.

The one place that says so: clients, workers, the decision service and listeners seal and open by it. A part is a field
of bytes with one of the names below; where the struct has a content type, that changes with it. Structs within are
looked through in the same way. A reference to what is stored elsewhere stays readable: what it refers to is sealed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, get_args

import msgspec

from headrace.payloads.encryption import (
    CONTENT_TYPE,
    Keys,
    Unreadable,
    is_sealed,
    key_of,
    no_key,
    sealed_text_bytes,
)
from headrace.payloads.large import CONTENT_TYPE as REFERENCE

PARTS = frozenset({"input", "output", "data", "value", "state", "previous", "details", "handle"})
"""Fields of bytes that hold what users gave."""
TEXTS = frozenset({"cause"})
"""Fields of text that may hold what users gave: the text of an exception."""
# Has no content type of its own: the one of the struct belongs to another field.
_WITHOUT_TYPE = frozenset({"state", "previous", "details", "handle"})
_JSON = "application/json"
S = TypeVar("S", bound=msgspec.Struct)


class Sealing:
    """Seals and opens with the keys of this process. Without keys it seals nothing, and opens nothing either."""

    def __init__(self, keys: Keys | None = None, cause_bytes: int = 8_192) -> None:
        """`cause_bytes` is the longest text that is kept; a sealed one is cut so that it fits."""
        self.keys = keys
        self._cause_bytes = sealed_text_bytes(cause_bytes)

    def sealed(self, struct: S, about: str) -> S:
        """Return a message with its user data sealed; `about` is the id of the workflow that it belongs to."""
        keys = self.keys
        if keys is None:
            return struct
        changes: dict[str, Any] = {}
        plan = _plan(type(struct))
        for name in plan.parts:
            data = getattr(struct, name)
            kind = getattr(struct, "content_type", _JSON) if name not in _WITHOUT_TYPE else _JSON
            if not data or kind == REFERENCE or is_sealed(data, "" if kind == _JSON else kind):
                continue
            changes[name] = keys.seal(data, kind, about)
            if plan.has_type and name not in _WITHOUT_TYPE:
                changes["content_type"] = CONTENT_TYPE
        for name in plan.texts:
            changes[name] = self.sealed_text(getattr(struct, name), about)
        for name in plan.nested:
            inner = getattr(struct, name)
            if inner is not None:
                changes[name] = self.sealed(inner, about)
        return msgspec.structs.replace(struct, **changes) if changes else struct

    def opened(self, struct: S) -> S:
        """Return a message with its user data opened.

        Raises:
            Unreadable: the key is not here, or something was changed.
        """
        changes: dict[str, Any] = {}
        plan = _plan(type(struct))
        for name in plan.parts:
            data = getattr(struct, name)
            if not data or not is_sealed(data, getattr(struct, "content_type", "") if _typed(plan, name) else ""):
                continue
            changes[name], kind = self.open(data)
            if _typed(plan, name):
                changes["content_type"] = kind
        for name in plan.texts:
            text = getattr(struct, name)
            if self.keys is not None and (opened := self.keys.open_text(text)) is not text:
                changes[name] = opened
        for name in plan.nested:
            inner = getattr(struct, name)
            if inner is not None and (found := self.opened(inner)) is not inner:
                changes[name] = found
        return msgspec.structs.replace(struct, **changes) if changes else struct

    def open(self, data: bytes) -> tuple[bytes, str]:
        """Return data and content type of a sealed payload. Raises `Unreadable`."""
        if self.keys is None:
            raise Unreadable(no_key(key_of(data)[0], []))
        return self.keys.open(data)

    def sealed_data(self, data: bytes, about: str = "") -> bytes:
        """Return JSON sealed, for where no content type can stand beside it; nothing stays nothing."""
        return data if self.keys is None or not data else self.keys.seal(data, _JSON, about)

    def sealed_text(self, text: str, about: str = "") -> str:
        """Return a text sealed, cut where it would be too long."""
        if self.keys is None:
            return text
        return self.keys.seal_text(text.encode()[: self._cause_bytes].decode("utf-8", "ignore"), about)

    def opened_text(self, text: str) -> str:
        """Return a text with its sealed parts opened; as it is without keys. Raises `Unreadable`."""
        return self.keys.open_text(text) if self.keys is not None else text


class _Plan(msgspec.Struct, frozen=True):
    parts: tuple[str, ...]
    texts: tuple[str, ...]
    nested: tuple[str, ...]
    has_type: bool


def _typed(plan: _Plan, name: str) -> bool:
    return plan.has_type and name not in _WITHOUT_TYPE


@lru_cache(maxsize=512)
def fields_with_type(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """Return (field with a struct, or empty; field within) of each payload that has a content type beside it."""
    plan = _plan(kind)
    own = [("", name) for name in plan.parts if _typed(plan, name)]
    for field in msgspec.structs.fields(kind):
        if field.name in plan.nested:
            for member in filter(_holds_any, _members(field.type)):
                own += [(field.name, name) for name in _plan(member).parts if _typed(_plan(member), name)]
    return tuple(own)


def _members(type_: Any) -> tuple[Any, ...]:
    """Return the types of a field that may be None, or of several kinds."""
    return get_args(type_) or (type_,)


def _holds_any(type_: Any) -> bool:
    """Tell whether a field's own fields are looked through too."""
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        return False
    plan = _plan(type_)
    return bool(plan.parts or plan.texts or plan.nested)


@lru_cache(maxsize=512)
def _plan(kind: type[msgspec.Struct]) -> _Plan:
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return _Plan(
        parts=tuple(name for name, type_ in fields.items() if name in PARTS and type_ is bytes),
        texts=tuple(name for name, type_ in fields.items() if name in TEXTS and type_ is str),
        nested=tuple(name for name, type_ in fields.items() if any(_holds_any(each) for each in _members(type_))),
        has_type="content_type" in fields,
    )
