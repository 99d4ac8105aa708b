"""What becomes of a message's user data on its way out of a process and into one: sealed where there are keys, stored
elsewhere where it is too large; and back.

Used by clients and workers. The decision service seals and opens, but neither stores nor fetches: it does no input and
output while it decides. So what it makes itself must fit inline.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from headrace.payloads.blobs import Blobs, BlobUnavailable, fetched, stored
from headrace.payloads.encryption import CONTENT_TYPE as SEALED
from headrace.payloads.encryption import OVERHEAD_BYTES
from headrace.payloads.large import CONTENT_TYPE as BLOB
from headrace.payloads.large import MARK, Reference, reference_of
from headrace.payloads.sealing import Sealing, fields_with_type

_JSON = "application/json"
_CALL = "application/vnd.headrace.call+json"
# Members of an object that are stored by themselves, so that a workflow can look at the others: smaller ones are not
# worth a request to the store.
_MEMBER_BYTES = 65_536
S = TypeVar("S", bound=msgspec.Struct)
Payload = tuple[bytes, str]
"""Data and content type."""


class TooLarge(ValueError):
    """A payload that is larger than anything may be; the text says what the limit is."""


class Courier:
    """Packs and unpacks user data."""

    def __init__(
        self,
        sealing: Sealing | None = None,
        blobs: Blobs | None = None,
        *,
        inline_bytes: int = 1_048_576,
        limit_bytes: int = 268_435_456,
    ) -> None:
        """`inline_bytes` is what a payload in the log may have, `limit_bytes` what any may have."""
        self.sealing = sealing or Sealing()
        self._blobs = blobs
        self._inline_bytes = inline_bytes - (OVERHEAD_BYTES if self.sealing.keys is not None else 0)
        self.limit_bytes = limit_bytes if blobs is not None else inline_bytes

    def packed(self, struct: S, about: str) -> S:
        """Return a message as it goes into the log; `about` is the id of the workflow that it belongs to.

        Raises:
            BlobUnavailable: something is too large for the log, and cannot be stored elsewhere now.
            TooLarge: something is larger than anything may be.
        """
        if self.is_large(struct):
            struct = self._stored(struct, about)
        return self.sealing.sealed(struct, about)

    def unpacked(self, struct: S) -> S:
        """Return a message as its reader is to have it.

        Raises:
            Unreadable: a key is missing.
            BlobUnavailable: something was stored elsewhere, and cannot be fetched now.
        """
        struct = self.sealing.opened(struct)
        for path, name in fields_with_type(type(struct)):
            holder: Any = getattr(struct, path) if path else struct
            if holder is None or not _has_reference(getattr(holder, name), holder.content_type):
                continue
            data, kind = self.fetched((getattr(holder, name), holder.content_type))
            changed = msgspec.structs.replace(holder, **{name: data, "content_type": kind})
            struct = msgspec.structs.replace(struct, **{path: changed}) if path else changed
        return struct

    def is_large(self, struct: msgspec.Struct) -> bool:
        """Tell whether packing a message stores something."""
        return any(len(getattr(holder, name)) > self._inline_bytes for holder, name in _holders(struct))

    def needs_fetching(self, struct: msgspec.Struct) -> bool:
        """Tell whether unpacking a message may fetch something: what is sealed may hold a reference."""
        return any(
            holder.content_type == SEALED or _has_reference(getattr(holder, name), holder.content_type)
            for holder, name in _holders(struct)
        )

    def fetched(self, payload: Payload) -> Payload:
        """Return a payload with whatever stands in it by reference. Raises as `unpacked`."""
        data, kind = payload
        if kind == BLOB:
            found = reference_of(msgspec.json.decode(data))
            if found is None:
                raise BlobUnavailable(f"Expected a reference to a blob, but found {data[:100]!r}")
            return self.fetched(self._get(found))
        if MARK in data and kind in (_JSON, _CALL):
            return msgspec.json.encode(self._filled(msgspec.json.decode(data))), kind
        return data, kind

    def filled(self, value: Any) -> Any:
        """Return a JSON value with what stands in it by reference. Raises as `unpacked`."""
        return msgspec.json.decode(msgspec.json.encode(self._filled(value)))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = reference_of(value)
        if found is None:
            return {name: self._filled(item) for name, item in value.items()}
        data, kind = self.fetched(self._get(found))
        return msgspec.Raw(data) if kind.endswith("json") else base64.b64encode(data).decode()

    def _get(self, reference: Reference) -> Payload:
        if self._blobs is None:
            raise BlobUnavailable(f"Expected a store with blob {reference.blob}, but HEADRACE_BLOBS is off here")
        data = fetched(self._blobs, reference.blob)
        return self.sealing.open(data) if reference.content_type == SEALED else (data, reference.content_type)

    def _stored(self, struct: S, about: str) -> S:
        for path, name in fields_with_type(type(struct)):
            holder: Any = getattr(struct, path) if path else struct
            if holder is None or len(getattr(holder, name)) <= self._inline_bytes:
                continue
            data, kind = self._small((getattr(holder, name), holder.content_type), about)
            changed = msgspec.structs.replace(holder, **{name: data, "content_type": kind})
            struct = msgspec.structs.replace(struct, **{path: changed}) if path else changed
        return struct

    def _small(self, payload: Payload, about: str) -> Payload:
        """Return a payload that fits inline: large members of an object stored by themselves, or else all of it."""
        data, kind = payload
        if len(data) > self.limit_bytes:
            raise TooLarge(f"Expected a payload of at most {self.limit_bytes} bytes, but it has {len(data)}")
        if kind in (_JSON, _CALL) and data.startswith(b"{"):
            members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            split = self._split_call(members, about) if kind == _CALL else self._split(members, about)
            if len(split) <= self._inline_bytes:
                return split, kind
        return self._put(data, kind, about).to_json(), BLOB

    def _split(self, members: dict[str, msgspec.Raw], about: str) -> bytes:
        return msgspec.json.encode({name: self._member(item, about) for name, item in members.items()})

    def _split_call(self, members: dict[str, msgspec.Raw], about: str) -> bytes:
        args = msgspec.json.decode(bytes(members["args"]), type=list[msgspec.Raw])
        kwargs = msgspec.json.decode(bytes(members["kwargs"]), type=dict[str, msgspec.Raw])
        small = [self._member(item, about) for item in args]
        return msgspec.json.encode({"args": small, "kwargs": msgspec.Raw(self._split(kwargs, about))})

    def _member(self, item: msgspec.Raw, about: str) -> msgspec.Raw:
        data = bytes(item)
        return item if len(data) <= _MEMBER_BYTES else msgspec.Raw(self._put(data, _JSON, about).to_json())

    def _put(self, data: bytes, kind: str, about: str) -> Reference:
        if self._blobs is None:
            raise TooLarge(f"Expected a payload of at most {self._inline_bytes} bytes, but it has {len(data)}")
        if self.sealing.keys is not None:
            data, kind = self.sealing.keys.seal(data, kind, about), SEALED
        return Reference(blob=stored(self._blobs, data), content_type=kind, size=len(data))


def _holders(struct: msgspec.Struct) -> Iterator[tuple[Any, str]]:
    """Yield each struct that holds a payload with a content type, and the payload's name in it."""
    for path, name in fields_with_type(type(struct)):
        holder = getattr(struct, path) if path else struct
        if holder is not None:
            yield holder, name


def _has_reference(data: bytes, kind: str) -> bool:
    return kind == BLOB or (MARK in data and kind in (_JSON, _CALL))
