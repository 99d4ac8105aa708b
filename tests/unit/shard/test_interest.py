"""Which topics a reader looks into only now and then."""

from __future__ import annotations

from headrace.shard.interest import Interest


def interest() -> Interest:
    found = Interest(candidates=frozenset({"rare", "rarer"}), quiet_s=2.0)
    found.assigned(["commands", "rare", "rarer"], 10.0)
    return found


def test_everything_is_prompt_at_first() -> None:
    assert interest().fallen_quiet(11.9) == []


def test_what_was_quiet_for_long_is_put_aside_once() -> None:
    topics = interest()
    assert sorted(topics.fallen_quiet(12.0)) == ["rare", "rarer"]
    assert topics.fallen_quiet(13.0) == []
    assert topics.aside == {"rare", "rarer"}


def test_what_concerns_the_reader_stays() -> None:
    topics = interest()
    assert not topics.heard("rare", 11.0)
    assert topics.fallen_quiet(12.0) == ["rarer"]
    assert topics.fallen_quiet(13.0) == ["rare"]


def test_the_first_record_brings_a_topic_back_and_it_is_put_aside_again() -> None:
    topics = interest()
    topics.fallen_quiet(12.0)
    assert topics.heard("rare", 20.0)
    assert not topics.heard("rare", 20.5)
    assert topics.fallen_quiet(22.4) == []
    assert topics.fallen_quiet(22.5) == ["rare"]


def test_only_candidates_are_ever_put_aside() -> None:
    topics = interest()
    assert not topics.heard("commands", 10.0)
    assert "commands" not in topics.fallen_quiet(100.0)


def test_more_partitions_of_a_topic_that_is_aside_are_aside_too() -> None:
    topics = interest()
    topics.fallen_quiet(12.0)
    topics.assigned(["rare"], 13.0)
    assert "rare" in topics.aside
