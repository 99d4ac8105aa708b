"""Sealed payloads: whoever has the key opens them, nobody else, and sealing is a function."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.payloads.encryption import (
    CONTENT_TYPE,
    MAGIC,
    OVERHEAD_BYTES,
    InvalidKeys,
    Keys,
    Unreadable,
    parse_keys,
    sealed_text_bytes,
)
from headrace.runtime.payloads import sealing_for
from headrace.runtime.settings import InvalidSettings, Settings

KEYS = Keys({"old": b"o" * 32, "new": b"n" * 32}, "new")


@given(data=st.binary(max_size=2_000), kind=st.text(max_size=50), about=st.text(max_size=50))
def test_what_is_sealed_is_opened_again_and_shows_nothing(data: bytes, kind: str, about: str) -> None:
    sealed = KEYS.seal(data, kind, about)
    assert KEYS.open(sealed) == (data, kind)
    assert sealed.startswith(MAGIC)
    assert KEYS.seal(data, kind, about) == sealed
    assert len(sealed) <= len(data) + OVERHEAD_BYTES + len(kind.encode())
    assert len(data) < 8 or data not in sealed


def test_equal_payloads_look_alike_only_within_one_workflow() -> None:
    assert KEYS.seal(b"1", "a", "one") != KEYS.seal(b"1", "a", "two")
    assert KEYS.seal(b"1", "a", "one") != KEYS.seal(b"1", "b", "one")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_noticed(at: int, change: int) -> None:
    sealed = bytearray(KEYS.seal(b"some data", "application/json", "w"))
    sealed[at % len(sealed)] ^= change
    with pytest.raises(Unreadable):
        KEYS.open(bytes(sealed))


def test_a_former_key_still_opens_and_a_missing_one_is_named() -> None:
    sealed = Keys({"old": b"o" * 32}, "old").seal(b"1", "application/json")
    assert KEYS.open(sealed)[0] == b"1"
    with pytest.raises(Unreadable, match="Expected key old in HEADRACE_PAYLOAD_KEYS, but found new"):
        Keys({"new": b"n" * 32}, "new").open(sealed)
    with pytest.raises(Unreadable, match="another one under the same id"):
        Keys({"old": b"x" * 32}, "old").open(sealed)


@given(st.text(max_size=500))
def test_texts_are_sealed_once_and_opened_within_others(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    sealed = KEYS.seal_text(text)
    assert KEYS.seal_text(sealed) == sealed
    assert KEYS.open_text(sealed) == text
    assert KEYS.open_text(f"before {sealed} after") == f"before {text} after"


@pytest.mark.parametrize("limit", [256, 1_000, 8_192])
def test_a_sealed_text_fits_the_limit_that_it_was_cut_for(limit: int) -> None:
    text = "x" * sealed_text_bytes(limit)
    assert len(KEYS.seal_text(text)) <= max(limit, len(KEYS.seal_text("x")))


def encoded(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def test_keys_are_read_from_a_text_or_a_file(tmp_path: Any) -> None:
    text = f"a={encoded(b'a' * 32)}, b={encoded(b'b' * 32)}"
    assert parse_keys(text).current == "a"
    assert parse_keys(text, "b").current == "b"
    file = tmp_path / "keys"
    file.write_text("# of March\n" + text.replace(", ", "\n") + "\n")
    found = sealing_for(Settings(payload_keys=f"@{file}", payload_key_id="b"))
    assert found.keys is not None
    assert found.keys.current == "b"
    assert sealing_for(Settings()).keys is None


@pytest.mark.parametrize(
    ("text", "current", "reason"),
    [
        ("a=AAAA", "", "Expected key a to have 32 bytes, but it has 3"),
        ("a=!", "", "Expected key a as base64"),
        ("a", "", "but found another form"),
        (encoded(b"s" * 32), "", "but found another form"),
        (" , ", "", "Expected keys as id=base64"),
        (f"a={encoded(b'a' * 32)}", "b", r"Expected the current key among \['a'\], but found 'b'"),
        (f"a b={encoded(b'a' * 32)}", "", "Expected keys as id=base64 with an id like"),
    ],
)
def test_keys_that_are_none_are_refused(text: str, current: str, reason: str) -> None:
    with pytest.raises(InvalidKeys, match=reason) as caught:
        parse_keys(text, current)
    assert encoded(b"s" * 32)[:20] not in str(caught.value)
    with pytest.raises(InvalidSettings, match=f"HEADRACE_PAYLOAD_KEYS.*{reason}"):
        sealing_for(Settings(payload_keys=text, payload_key_id=current))


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidSettings, match="HEADRACE_PAYLOAD_KEYS: Expected a file that can be read"):
        sealing_for(Settings(payload_keys="@/nowhere/keys"))


def test_no_json_looks_sealed() -> None:
    assert CONTENT_TYPE.startswith("application/vnd.")
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(MAGIC)
