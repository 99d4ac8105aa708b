"""Avro's numbers: the whole range both ways against fastavro, and what is none."""

from __future__ import annotations

from io import BytesIO

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.contracts.varints import NUMBERS, long_at, size_at

_LIMIT = 2**63


def as_fastavro_writes(value: int) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, {"type": "long"}, value)
    return out.getvalue()


@given(st.integers(-_LIMIT, _LIMIT - 1) | st.integers(-20_000, 20_000) | st.integers(2**40, 2**42))
@example(-_LIMIT)
@example(_LIMIT - 1)
def test_a_number_is_written_and_read_as_fastavro_does_it(value: int) -> None:
    data = as_fastavro_writes(value)
    assert NUMBERS[value] == data
    assert long_at(b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))
    assert long_at(data + b"\0", 0) == (value, len(data))  # the second time its high bits are known


@pytest.mark.parametrize("value", [_LIMIT, -_LIMIT - 1, 2**200])
def test_a_number_of_more_than_64_bits_is_not_written(value: int) -> None:
    with pytest.raises(OverflowError, match=f"Expected a number of 64 bits, but found {value}"):
        NUMBERS[value]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", IndexError),
        (b"\x80", IndexError),
        (b"\x80\x80\x80\x80\x80", IndexError),
        (b"\x80" * 10 + b"\x01", ValueError),
        (b"\x80" * 9 + b"\x02", ValueError),
        (b"\xff" * 1000, ValueError),
    ],
)
def test_what_is_no_number_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        long_at(data, 0)


@given(st.integers(-(2**40), -1))
def test_a_negative_length_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"Expected a length, but found {value}"):
        size_at(as_fastavro_writes(value), 0)
