"""Payloads as JSON that Postgres takes."""

from __future__ import annotations

import msgspec
import pytest

from headrace_status.fold.payload import json_text, shortened


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b'{"a": [1, 2.50]}', '{"a": [1, 2.50]}'),
        (b"12345678901234567890123", "12345678901234567890123"),
        (b'"a\\u0000b"', '"a\ufffdb"'),
        (b'{"k\\u0000": ["\\u0000"]}', '{"k\ufffd":["\ufffd"]}'),
        (b'"a\\\\u0000"', '"a\\\\u0000"'),
        (b"plain", '{"$content_type":"text/plain","$text":"plain"}'),
        (b"NaN", '{"$content_type":"text/plain","$text":"NaN"}'),
        (b"\xff\x00", '{"$content_type":"text/plain","$base64":"/wA="}'),
        (b"nul\x00", '{"$content_type":"text/plain","$text":"nul\ufffd"}'),
    ],
)
def test_json_text(data: bytes, expected: str | None) -> None:
    assert json_text(data, "text/plain") == expected


def test_nesting_without_end_is_shown_as_text() -> None:
    found = json_text(b"[" * 100_000)
    assert found is not None
    assert msgspec.json.decode(found)["$text"].startswith("[[[")


def test_a_long_payload_is_cut_with_a_mark() -> None:
    short = shortened(b'"abc"', 10)
    assert short is not None
    assert bytes(short) == b'"abc"'
    long = shortened(b'"' + b"x" * 100 + b'"', 10)
    assert long is not None
    assert msgspec.json.decode(bytes(long)) == {"$truncated": True, "bytes": 102, "begins": '"xxxxxxxxx'}
