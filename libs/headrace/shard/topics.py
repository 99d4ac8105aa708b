"""The topics of a namespace: made once, recorded, and checked at every start.

The `namespace` topic holds one record with what was chosen (how many shards) and with the ids that the cluster gave to
the topics. A shard count cannot change afterwards, since ids are spread by it; and a topic of the same name with
another id is another topic, in which every position is void.

Any number of processes may do this at the same time: topics are made by whoever comes first, and the record says what
is there, so that all write the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import msgspec

from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import NAMESPACE, TopicSpec, topic_specs
from headrace.runtime.settings import PREFIX, Settings
from headrace.shard.kafka.topic_admin import FoundTopic, TopicAdmin
from headrace.shard.patience import patiently
from headrace.shard.ports import LogAway, PositionLost

# Metadata spreads within milliseconds; brokers that are just starting take seconds.
_APPEAR_S = 30.0
_COUNTS = ("decision_shards", "dispatcher_shards", "resource_shards")


class NamespaceMismatch(Exception):
    """The settings or the topics of a namespace do not fit what was recorded when it was made."""


def ensure_topics(
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    timeout_s: float | None = None,
    defaults: Mapping[str, int] | None = None,
) -> NamespaceSettings:
    """Make what is missing of a namespace, check the rest, and return what was chosen when it was made.

    `defaults` are shard counts for a new namespace, in place of those of the settings.

    Waits while Kafka is away, for ever or for `timeout_s`, or until `stop` is set.

    Raises:
        NamespaceMismatch: the settings name other shard counts than the record, or topics do not fit one another.
        PositionLost: a recorded topic is gone or was made anew.
        LogAway: Kafka did not answer in time.
    """
    admin = TopicAdmin(settings)
    return patiently(lambda: _ensure(admin, settings, defaults or {}), stop, timeout_s)


def read_namespace(settings: Settings, *, timeout_s: float | None = 10.0) -> NamespaceSettings | None:
    """Return what was chosen when a namespace was made; None when it was not made yet. Changes nothing.

    Raises:
        LogAway: Kafka did not answer in time.
    """
    admin = TopicAdmin(settings)

    def read() -> NamespaceSettings | None:
        return admin.read_record() if NAMESPACE in admin.find([NAMESPACE]) else None

    return patiently(read, None, timeout_s)


def with_recorded(settings: Settings, recorded: NamespaceSettings) -> Settings:
    """Return the settings with the shard counts of the namespace."""
    return msgspec.structs.replace(settings, **{name: getattr(recorded, name) for name in _COUNTS})


def check_counts(settings: Settings, recorded: NamespaceSettings) -> None:
    """Refuse settings that ask for another shard count than the namespace has.

    A count that was left at its default asks nothing.

    Raises:
        NamespaceMismatch: with the variable to change.
    """
    defaults = Settings()
    for name in _COUNTS:
        asked, has = getattr(settings, name), getattr(recorded, name)
        if asked not in (has, getattr(defaults, name)):
            raise NamespaceMismatch(
                f"Expected {PREFIX}{name.upper()}={has}, as namespace {settings.namespace} was made, but it is "
                f"{asked}. A shard count is "
                f"fixed when a namespace is made: unset the variable, or make another namespace ({PREFIX}NAMESPACE)"
            )


def _ensure(admin: TopicAdmin, settings: Settings, defaults: Mapping[str, int]) -> NamespaceSettings:
    specs = topic_specs()
    found = admin.find(specs)
    recorded = admin.read_record() if NAMESPACE in found else None
    known = recorded.topic_ids if recorded is not None else {}
    if recorded is not None:
        check_counts(settings, recorded)
        _check_ids(settings, recorded, found)
    counts = (
        with_recorded(settings, recorded) if recorded is not None else msgspec.structs.replace(settings, **defaults)
    )
    missing = {name: spec for name, spec in specs.items() if name not in found}
    if missing:
        admin.create({name: (spec, partitions_of(spec, counts)) for name, spec in missing.items()})
        found = _await_topics(admin, specs)
    if recorded is None or missing or known.keys() < specs.keys():
        made_at = recorded.made_at if recorded is not None else time.time_ns() // 1_000_000
        recorded = _describe(settings, specs, found, made_at)
        check_counts(settings, recorded)
        admin.write_record(recorded)
    return recorded


def partitions_of(spec: TopicSpec, settings: Settings) -> int:
    """Return how many partitions a topic has under some settings."""
    return spec.partitions if isinstance(spec.partitions, int) else int(getattr(settings, spec.partitions))


def _check_ids(settings: Settings, recorded: NamespaceSettings, found: dict[str, FoundTopic]) -> None:
    for topic, expected in sorted(recorded.topic_ids.items()):
        if topic not in topic_specs():
            continue
        if topic not in found:
            raise PositionLost(
                f"Expected topic {settings.namespace}.{topic} to exist, but it was deleted. What it held is lost, and "
                "every position in it "
                f"is void: make another namespace ({PREFIX}NAMESPACE), or delete all topics of this one and begin anew"
            )
        if found[topic].topic_id != expected:
            raise PositionLost(
                f"Expected topic {settings.namespace}.{topic} with id {expected}, but it has id "
                f"{found[topic].topic_id}: it was deleted and "
                f"made anew, and every position in it is void. Make another namespace ({PREFIX}NAMESPACE), or delete "
                "all topics of this one"
            )


def _describe(
    settings: Settings, specs: dict[str, TopicSpec], found: dict[str, FoundTopic], made_at: int
) -> NamespaceSettings:
    counts: dict[str, int] = {}
    for topic, spec in specs.items():
        if isinstance(spec.partitions, int):
            continue
        has = found[topic].partitions
        if counts.setdefault(spec.partitions, has) != has:
            raise NamespaceMismatch(
                f"Expected every topic by {spec.partitions} in namespace {settings.namespace} to have "
                f"{counts[spec.partitions]} partitions, "
                f"but {topic} has {has}. Topics of two attempts are mixed: delete the namespace's topics and start "
                "again"
            )
    ids = {topic: found[topic].topic_id for topic in specs}
    return NamespaceSettings(**counts, made_at=made_at, topic_ids=ids)


def _await_topics(admin: TopicAdmin, specs: dict[str, TopicSpec]) -> dict[str, FoundTopic]:
    deadline = time.monotonic() + _APPEAR_S
    while True:
        found = admin.find(specs)
        missing = specs.keys() - found.keys()
        if not missing:
            return found
        if time.monotonic() > deadline:
            raise LogAway(f"Expected the new topics to appear within {_APPEAR_S:.0f} s, but {sorted(missing)} did not")
        time.sleep(0.02)
