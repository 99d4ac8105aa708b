"""The topics of a namespace on a real Kafka."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import topic_specs
from headrace.runtime.settings import Settings
from headrace.shard.kafka.topic_admin import TopicAdmin
from headrace.shard.ports import LogAway, PositionLost
from headrace.shard.topics import (
    NamespaceMismatch,
    check_counts,
    ensure_topics,
    partitions_of,
    read_namespace,
    with_recorded,
)
from tests.contract.log.conftest import TIMEOUT_S, until


@pytest.fixture
def admin(kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka})


def delete(admin: AdminClient, topic: str) -> None:
    for future in admin.delete_topics([topic], operation_timeout=TIMEOUT_S).values():
        future.result(TIMEOUT_S)
    until(lambda: topic not in admin.list_topics(timeout=TIMEOUT_S).topics)


def test_every_topic_of_the_list_is_made_with_its_settings(settings: Settings, admin: AdminClient) -> None:
    recorded = ensure_topics(settings)
    found = admin.list_topics(timeout=TIMEOUT_S).topics
    for topic, spec in topic_specs().items():
        name = f"{settings.namespace}.{topic}"
        assert len(found[name].partitions) == partitions_of(spec, settings), topic
        ((_, future),) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).items()
        config = {key: entry.value for key, entry in future.result(TIMEOUT_S).items()}
        assert config["cleanup.policy"] == spec.cleanup
        assert config["retention.ms"] == str(spec.retention_ms)
        assert config["message.timestamp.type"] == spec.timestamp
        assert config["unclean.leader.election.enable"] == "false"
        assert {key: config[key] for key in spec.config} == spec.config
    assert recorded.topic_ids.keys() == topic_specs().keys()
    assert recorded == ensure_topics(settings) == read_namespace(settings)


def test_many_processes_may_make_a_namespace_at_once(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ensure_topics(settings), range(4)))
    assert len({msgspec.json.encode(sorted(recorded.topic_ids.items())) for recorded in found}) == 1


def test_a_namespace_keeps_its_shard_counts(settings: Settings) -> None:
    made = ensure_topics(msgspec.structs.replace(settings, decision_shards=2))
    # A process without an opinion takes what is recorded.
    assert ensure_topics(settings).decision_shards == 2
    assert with_recorded(settings, made).decision_shards == 2
    with pytest.raises(NamespaceMismatch, match=r"HEADRACE_DECISION_SHARDS=2, as namespace .* but it is 3"):
        ensure_topics(msgspec.structs.replace(settings, decision_shards=3))


def test_defaults_are_for_a_namespace_that_is_made(settings: Settings) -> None:
    assert ensure_topics(settings, defaults={"decision_shards": 1}).decision_shards == 1
    assert ensure_topics(settings, defaults={"decision_shards": 3}).decision_shards == 1
    assert ensure_topics(settings).decision_shards == 1


def test_a_deleted_topic_is_not_made_again(settings: Settings, admin: AdminClient) -> None:
    ensure_topics(settings)
    delete(admin, f"{settings.namespace}.task.journal")
    with pytest.raises(PositionLost, match=r"task.journal to exist, but it was deleted"):
        ensure_topics(settings)


def test_a_topic_of_a_newer_release_is_added(settings: Settings, admin: AdminClient) -> None:
    recorded = ensure_topics(settings)
    # As a release would have left it that does not know the topic.
    delete(admin, f"{settings.namespace}.logs")
    older = {topic: known for topic, known in recorded.topic_ids.items() if topic != "logs"}
    TopicAdmin(settings).write_record(msgspec.structs.replace(recorded, topic_ids=older))
    assert ensure_topics(settings).topic_ids.keys() == topic_specs().keys()
    assert ensure_topics(settings).made_at == recorded.made_at


def test_a_namespace_that_was_not_made_has_no_record(settings: Settings) -> None:
    assert read_namespace(settings) is None


def test_kafka_away_is_waited_for_as_long_as_one_likes(namespace: str) -> None:
    nobody = Settings(kafka="127.0.0.1:1", namespace=namespace)
    with pytest.raises(LogAway, match=r"Expected Kafka at 127.0.0.1:1 to answer"):
        ensure_topics(nobody, timeout_s=0.1)


@pytest.mark.parametrize("asked", [4, 7])
def test_counts_that_agree_or_were_not_asked_for_are_fine(asked: int) -> None:
    recorded = NamespaceSettings(decision_shards=7, dispatcher_shards=1, resource_shards=1, made_at=0)
    check_counts(Settings(decision_shards=asked), recorded)
