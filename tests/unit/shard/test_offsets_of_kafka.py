"""What an answer about offsets means: librdkafka has numbers of its own for none at all."""

from __future__ import annotations

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID, OFFSET_STORED

from headrace.shard.kafka.log import known_offset


@pytest.mark.parametrize("offset", [0, 1, 2**40, -1])
def test_offsets_are_taken_as_they_are(offset: int) -> None:
    assert known_offset(offset) == offset


@pytest.mark.parametrize("offset", [OFFSET_INVALID, OFFSET_STORED, OFFSET_BEGINNING])
def test_numbers_that_stand_for_no_offset_are_no_answer(offset: int) -> None:
    """A relay took OFFSET_INVALID for the bounds of a journal whose leader had been killed, and stopped for good."""
    assert known_offset(offset) is None
    assert OFFSET_END == -1, "the number for the end is the one for an offset that does not exist"
