"""Payloads that nobody without the key can read.

A sealed payload is `magic, length and id of the key, nonce, ciphertext`; in the ciphertext stand the content type and
the data. The cipher is AES-256-GCM.

The nonce is no random number but a keyed hash of what is sealed and of what it is sealed for (a workflow's id). So
sealing is a function: a decision that is made again in a replay is the same, a start that is repeated is recognized by
its input, and a step that is asked for again with the same input is known. What it costs: whoever sees two sealed
payloads of one workflow sees whether they are equal. Two different payloads get the same nonce as seldom as with random
ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "application/vnd.headrace.sealed"
MAGIC = b"\x01hrs"
"""No JSON begins like that."""
KEY_BYTES = 32
OVERHEAD_BYTES = 256
"""More than sealing adds to a payload: the header with the longest id of a key, the content type, the tag."""
_NONCE_BYTES = 12
_TEXT = re.compile(r"sealed:v1\.([A-Za-z0-9_-]+)")
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


class InvalidKeys(ValueError):
    """Keys that cannot be used; the text says which and why."""


class Unreadable(Exception):
    """A payload that cannot be opened: its key is not here, or it is damaged."""


class Keys:
    """Keys by id; `current` is the one that seals."""

    def __init__(self, secrets: Mapping[str, bytes], current: str) -> None:
        """Raise InvalidKeys for a key that is none, or a current one that is not there."""
        if current not in secrets:
            raise InvalidKeys(f"Expected the current key among {sorted(secrets)}, but found {current!r}")
        for name, secret in secrets.items():
            if not _KEY_ID.fullmatch(name):
                raise InvalidKeys(f"Expected an id of a key that matches {_KEY_ID.pattern}, but found {name!r}")
            if len(secret) != KEY_BYTES:
                raise InvalidKeys(f"Expected key {name} to have {KEY_BYTES} bytes, but it has {len(secret)}")
        self.current = current
        self._ciphers = {name: _cipher(secret) for name, secret in secrets.items()}
        self._nonce_key = _derived(secrets[current], b"nonce")
        self._header = MAGIC + bytes([len(current)]) + current.encode()

    def seal(self, data: bytes, content_type: str, about: str = "") -> bytes:
        """Return a payload sealed; `about` is what it belongs to, a workflow's id."""
        kind = content_type.encode()
        plain = len(kind).to_bytes(2, "big") + kind + data
        hashed = hmac.new(self._nonce_key, len(about).to_bytes(4, "big") + about.encode(), hashlib.sha256)
        hashed.update(plain)
        nonce = hashed.digest()[:_NONCE_BYTES]
        sealed: bytes = self._ciphers[self.current].encrypt(nonce, plain, self._header)
        return self._header + nonce + sealed

    def open(self, sealed: bytes) -> tuple[bytes, str]:
        """Return data and content type of a sealed payload.

        Raises:
            Unreadable: it was sealed with another key, or changed since.
        """
        name, header_bytes = key_of(sealed)
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise Unreadable(no_key(name, list(self._ciphers)))
        begins_at = header_bytes + _NONCE_BYTES
        try:
            plain = cipher.decrypt(sealed[header_bytes:begins_at], sealed[begins_at:], sealed[:header_bytes])
        except Exception as error:
            raise Unreadable(
                f"Expected a payload that key {name} has sealed, but it cannot be opened with it; "
                "the key is another one under the same id, or the payload was changed"
            ) from error
        length = int.from_bytes(plain[:2], "big")
        return plain[2 + length :], plain[2 : 2 + length].decode()

    def seal_text(self, text: str, about: str = "") -> str:
        """Return a text sealed, as text; an empty one, and one that is sealed already, as it is."""
        if not text or _TEXT.fullmatch(text):
            return text
        sealed = self.seal(text.encode("utf-8", "replace"), "text/plain", about)
        return "sealed:v1." + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open_text(self, text: str) -> str:
        """Return a text with every sealed part of it opened. Raises `Unreadable` as `open`."""
        return _TEXT.sub(self._opened_part, text) if "sealed:v1." in text else text

    def _opened_part(self, match: re.Match[str]) -> str:
        encoded = match.group(1)
        opened, _ = self.open(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        return self.open_text(opened.decode())


def sealed_text_bytes(limit_bytes: int) -> int:
    """Return how many bytes a text may have whose sealed form has at most `limit_bytes`."""
    return max(0, limit_bytes * 3 // 4 - OVERHEAD_BYTES)


def is_sealed(data: bytes, content_type: str = "") -> bool:
    """Tell whether a payload is sealed; one without a content type by its beginning."""
    return content_type == CONTENT_TYPE or (not content_type and data.startswith(MAGIC))


def key_of(sealed: bytes) -> tuple[str, int]:
    """Return the id of the key that has sealed a payload, and the length of its header. Raises `Unreadable`."""
    at = len(MAGIC)
    if not sealed.startswith(MAGIC) or len(sealed) <= at:
        raise Unreadable("Expected a sealed payload, but found other bytes")
    end = at + 1 + sealed[at]
    return sealed[at + 1 : end].decode("ascii", "replace"), end


def no_key(name: str, known: list[str]) -> str:
    """Return what to say where a key is missing."""
    found = f"found {', '.join(sorted(known))}" if known else "found none"
    return f"Expected key {name} in HEADRACE_PAYLOAD_KEYS, but {found}; add it, since payloads are sealed with it"


def parse_keys(text: str, current: str = "") -> Keys:
    """Return the keys of `id=base64, id=base64`; the first one seals unless `current` names another.

    Raises:
        InvalidKeys: something else stands there.
    """
    secrets: dict[str, bytes] = {}
    for part in (part.strip() for part in re.split(r"[,\n]", text)):
        if not part or part.startswith("#"):
            continue
        name, _, encoded = part.partition("=")
        if not _KEY_ID.fullmatch(name.strip()) or not encoded.strip("= "):
            # Not shown: it may be the key itself, without its id.
            raise InvalidKeys(f"Expected keys as id=base64 with an id like {_KEY_ID.pattern}, but found another form")
        try:
            secrets[name.strip()] = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidKeys(f"Expected key {name} as base64, but it is not") from None
    if not secrets:
        raise InvalidKeys("Expected keys as id=base64, id=base64, but found none")
    return Keys(secrets, current or next(iter(secrets)))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose: none is used for two."""
    return hmac.new(secret, b"headrace payloads 1 " + purpose, hashlib.sha256).digest()


def _cipher(secret: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise InvalidKeys(
            "Expected the cryptography package, since HEADRACE_PAYLOAD_KEYS is set, but it is not installed; install "
            "headrace[encryption]"
        ) from error
    return AESGCM(_derived(secret, b"encryption"))
