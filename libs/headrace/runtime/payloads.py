"""What the settings say of payloads: keys, and where large ones lie."""

from __future__ import annotations

from pathlib import Path

from headrace.payloads.blobs import Blobs, BlobUnavailable, blobs_at
from headrace.payloads.courier import Courier
from headrace.payloads.encryption import InvalidKeys, parse_keys
from headrace.payloads.sealing import Sealing
from headrace.runtime.settings import InvalidSettings, Settings


def sealing_for(settings: Settings) -> Sealing:
    """Return what seals and opens payloads in this process.

    Raises:
        InvalidSettings: the keys cannot be used; the text says why.
    """
    if not settings.payload_keys:
        return Sealing(None, settings.cause_limit_bytes)
    try:
        keys = parse_keys(_text(settings.payload_keys), settings.payload_key_id)
    except InvalidKeys as error:
        raise InvalidSettings(f"HEADRACE_PAYLOAD_KEYS, HEADRACE_PAYLOAD_KEY_ID: {error}") from error
    return Sealing(keys, settings.cause_limit_bytes)


def courier_for(settings: Settings) -> Courier:
    """Return what packs and unpacks the payloads of this process.

    Raises:
        InvalidSettings: the keys or the store cannot be used; the text says why.
    """
    return Courier(
        sealing_for(settings),
        blobs_for(settings),
        inline_bytes=settings.payload_limit_bytes,
        limit_bytes=settings.largest_payload_bytes,
    )


def blobs_for(settings: Settings) -> Blobs | None:
    """Return where large payloads lie; None where they are refused.

    Raises:
        InvalidSettings: nobody knows such a store, or its package is not installed.
    """
    try:
        return blobs_at(settings.blobs, Path(settings.state) / "blobs")
    except BlobUnavailable as error:
        raise InvalidSettings(str(error)) from error


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"HEADRACE_PAYLOAD_KEYS: Expected a file that can be read, but {error}") from error
