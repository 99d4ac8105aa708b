"""What deciders need to tell a checkpoint what has changed: a ledger of keys, and keys that a snapshot topic takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec

K = TypeVar("K")
T = TypeVar("T")

_LONGEST_TEXT_BYTES = 200
"""Of a text that becomes part of a key; longer ones are replaced by a digest (keys have at most 250 bytes)."""


class Changed(Generic[K]):
    """The things that have changed since the last checkpoint, and which of them the snapshot holds already.

    What is made and ends between two checkpoints leaves no trace, not even a tombstone: most of what a busy shard does
    is of that kind. Any two are equal: states are compared by what they hold, not by what was saved of it.
    """

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        self._saved: dict[K, bool] = {}

    def made(self, key: K) -> None:
        """Note something new."""
        self._saved.setdefault(key, False)

    def touched(self, key: K) -> None:
        """Note that something changed, or ended, that was there before."""
        self._saved.setdefault(key, True)

    def take(self, pack: Callable[[K], bytes | None]) -> Iterator[tuple[K, bytes | None]]:
        """Yield what has changed, packed; None for what is gone. Then begin anew."""
        saved, self._saved = self._saved, {}
        for key, was_saved in saved.items():
            value = pack(key)
            if value is not None or was_saved:
                yield key, value

    def __len__(self) -> int:
        return len(self._saved)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Changed)

    __hash__ = None  # type: ignore[assignment]


class Entry(msgspec.Struct, array_like=True, kw_only=True):
    """Base of packed values. Its format comes first, so that newer code can tell what it reads.

    Fields are only ever added at the end, with a default: older code passes over them, newer code does without them. A
    change of meaning raises the format.
    """

    format: int = 1


_encoder = msgspec.msgpack.Encoder()


def pack(entry: Entry) -> bytes:
    """Return an entry as bytes."""
    return _encoder.encode(entry)


def unpacker(kind: type[T], newest: int = 1) -> Callable[[str, bytes], T]:
    """Return a function that reads entries of a kind.

    It raises ValueError for an entry of a format beyond `newest`, or one that cannot be read.
    """
    decoder = msgspec.msgpack.Decoder(kind)

    def unpack(key: str, value: bytes) -> T:
        try:
            entry = decoder.decode(value)
        except msgspec.DecodeError as error:
            raise ValueError(f"Expected a snapshot entry {key!r} that this release can read, but {error}") from error
        found = getattr(entry, "format", 1)
        if found > newest:
            raise ValueError(
                f"Expected format {newest} or older in snapshot entry {key!r}, but found {found}; start the newer "
                "release"
            )
        return entry

    return unpack


def key_part(text: str) -> str:
    """Return a text as part of a key: itself, or a digest where it is too long or has what a key cannot have.

    Whoever needs the text again keeps it in the value.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST_TEXT_BYTES and text.isprintable() and not text.startswith("#"):
        return text
    return f"#{blake2b(data, digest_size=16).hexdigest()}"


def unknown(key: str) -> ValueError:
    """Return the error for an entry of a kind that this code does not know."""
    return ValueError(f"Expected a snapshot entry that this release knows, but found {key!r}; start the newer release")
