"""Triggers on a real Kafka: a start command for every record, the same one however often it is read."""

from __future__ import annotations

import json
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.contracts import topics
from headrace.contracts.partition import shard_of
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.component.listener.cluster import CODEC, app, eventually, headers_of, produce, read, running

APP = (
    "@trigger(topic='{topic}', id='$record.value.id', input='$record.value.lines')\n"
    "@workflow\n"
    "async def order(ctx, lines): ...\n"
)


def make_topic(settings: Settings, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    for made in admin.create_topics([NewTopic(name, 2, 1)]).values():
        made.result(30)


def commands(settings: Settings) -> list:
    return [CODEC.decode(record.value()) for record in read(settings, topics.WORKFLOW_COMMANDS)]


def order(name: str) -> tuple[bytes, bytes]:
    return name.encode(), json.dumps({"id": name, "lines": [1, name]}).encode()


def test_every_record_starts_its_workflow_and_what_cannot_is_a_dead_letter(settings: Settings, tmp_path: Path) -> None:
    namespace = ensure_topics(settings)
    topic = f"{settings.namespace}.user-orders"
    make_topic(settings, topic)
    produce(settings, topic, order("o-1"), (b"bad", b"{broken"), order("o-2"))
    file = app(tmp_path, "app_trigger_all", APP.format(topic=topic))
    with running(settings, file):
        eventually(lambda: len(commands(settings)) == 2, "the first two")
        produce(settings, topic, order("o-3"))
        eventually(lambda: len(commands(settings)) == 3, "the third")
        (letter,) = eventually(lambda: read(settings, topics.DEAD_LETTERS), "the dead letter")
    found = {command.workflow_id: command for command in commands(settings)}
    assert set(found) == {"o-1", "o-2", "o-3"}
    assert (found["o-1"].name, json.loads(found["o-1"].input), found["o-1"].if_exists) == ("order", [1, "o-1"], "join")
    for record in read(settings, topics.WORKFLOW_COMMANDS):
        assert record.partition() == shard_of(record.key().decode(), namespace.decision_shards)
    headers = headers_of(letter)
    assert (letter.key(), letter.value(), headers["topic"], headers["trigger"]) == (
        b"bad",
        b"{broken",
        topic,
        "order_trigger",
    )
    assert headers["error"] == "headrace.SerializationError"


def test_a_record_that_is_read_again_gives_the_same_command(settings: Settings, tmp_path: Path) -> None:
    ensure_topics(settings)
    topic = f"{settings.namespace}.user-orders"
    make_topic(settings, topic)
    produce(settings, topic, *(order(f"o-{number}") for number in range(20)))
    file = app(tmp_path, "app_trigger_again", APP.format(topic=topic))
    with running(settings, file):
        eventually(lambda: len(commands(settings)) == 20, "all commands")
    with running(settings, file):
        produce(settings, topic, order("o-20"))
        eventually(lambda: len(commands(settings)) == 21, "only the new one")
    # A crash between the commands and the commit: the group knows nothing of them.
    group = f"{settings.namespace}.trigger.order_trigger"
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, 0), TopicPartition(topic, 1, 0)], asynchronous=False)
    consumer.close()
    with running(settings, file):
        eventually(lambda: len(commands(settings)) == 42, "all commands again")
    by_id: dict[str, set] = {}
    for command in commands(settings):
        by_id.setdefault(command.workflow_id, set()).add(command.command_id)
    assert len(by_id) == 21 and all(len(ids) == 1 for ids in by_id.values())


def test_a_topic_that_is_made_later_is_found_from_its_beginning(settings: Settings, tmp_path: Path) -> None:
    ensure_topics(settings)
    topic = f"{settings.namespace}.user-later"
    file = app(tmp_path, "app_trigger_later", APP.format(topic=topic))
    with running(settings, file):
        make_topic(settings, topic)
        produce(settings, topic, order("o-1"))
        eventually(lambda: len(commands(settings)) == 1, "the command")
