"""How often librdkafka looks whether what it has fetched was taken follows from how often the reader looks."""

from __future__ import annotations

from headrace.runtime.settings import Settings
from headrace.shard.kafka.options import reader_options

BACKOFF = "fetch.queue.backoff.ms"


def test_for_a_reader_that_rests_it_looks_twice_in_a_rest() -> None:
    assert reader_options(Settings(), "r", rest_ms=20)[BACKOFF] == 10
    assert reader_options(Settings(), "r", rest_ms=1)[BACKOFF] == 1


def test_for_one_that_is_always_there_it_looks_at_once() -> None:
    assert reader_options(Settings(), "r")[BACKOFF] == 1


def test_what_the_environment_says_wins() -> None:
    settings = Settings(kafka_config={BACKOFF: "7"})
    assert reader_options(settings, "r", rest_ms=20)[BACKOFF] == "7"
