"""Topics and shards: names in code and file agree, and ids go where Java's clients put them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import topics
from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.partition import murmur2, shard_of

NAMES = {value for name, value in vars(topics).items() if name.isupper() and isinstance(value, str)}


def test_every_topic_in_the_file_has_a_name_in_the_code_and_the_other_way_round() -> None:
    assert set(topics.topic_specs()) == NAMES


def test_journals_are_those_that_the_file_calls_so() -> None:
    assert set(topics.JOURNALS) == {name for name, spec in topics.topic_specs().items() if spec.journal}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_the_file_says_of_a_topic_makes_sense(name: str) -> None:
    spec = topics.topic_specs()[name]
    counts = {field.name for field in msgspec.structs.fields(NamespaceSettings)}
    assert spec.partitions in counts if isinstance(spec.partitions, str) else spec.partitions >= 1
    assert spec.cleanup in ("delete", "compact")
    assert spec.timestamp in ("LogAppendTime", "CreateTime")
    assert spec.retention_ms == -1 or spec.retention_ms > 0
    assert spec.writers
    assert spec.readers
    assert spec.doc


def test_journals_are_kept_until_their_owner_deletes_and_order_is_the_brokers() -> None:
    for name in topics.JOURNALS:
        spec = topics.topic_specs()[name]
        assert (spec.cleanup, spec.retention_ms, spec.timestamp) == ("delete", -1, "LogAppendTime")


# Values of Java's org.apache.kafka.common.utils.Utils.murmur2, which are signed.
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_as_java_has_it(key: str, expected: int) -> None:
    assert murmur2(key.encode()) == expected & 0xFFFFFFFF


@given(st.text(max_size=50), st.integers(min_value=1, max_value=256))
def test_a_shard_is_always_one_of_those_there_are(key: str, shards: int) -> None:
    assert 0 <= shard_of(key, shards) < shards
    assert shard_of(key, shards) == shard_of(key, shards)


def test_ids_spread_over_the_shards() -> None:
    counts = [0] * 8
    for number in range(8_000):
        counts[shard_of(f"order-{number}", 8)] += 1
    assert min(counts) > 800
