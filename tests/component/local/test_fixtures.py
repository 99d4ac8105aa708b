"""The servers that other tests rely on do what those tests assume."""

from __future__ import annotations

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.runtime.settings import Settings
from tests.support.servers import Database


def test_the_broker_takes_and_gives_records(settings: Settings) -> None:
    topic = f"{settings.namespace}.echo"
    admin = AdminClient(settings.client_config())
    admin.create_topics([NewTopic(topic, num_partitions=1)])[topic].result(30)
    producer = Producer(settings.client_config(enable_idempotence=True))
    producer.produce(topic, b"hello")
    assert producer.flush(30) == 0
    consumer = Consumer(settings.client_config(group_id=topic, auto_offset_reset="earliest"))
    consumer.subscribe([topic])
    try:
        record = consumer.poll(60)
        assert record is not None and record.error() is None
        assert record.value() == b"hello"
    finally:
        consumer.close()


def test_a_topic_must_be_made_before_it_is_used(settings: Settings) -> None:
    admin = AdminClient(settings.client_config())
    metadata = admin.list_topics(f"{settings.namespace}.nobody-made-me", timeout=30)
    (topic,) = metadata.topics.values()
    assert topic.error is not None
    assert f"{settings.namespace}.nobody-made-me" not in admin.list_topics(timeout=30).topics


def test_the_owner_may_make_tables_and_the_reader_may_not(postgres: Database) -> None:
    with psycopg.connect(postgres.owner) as connection:
        connection.execute("CREATE TABLE facts (name text PRIMARY KEY)")
        connection.execute("GRANT SELECT ON facts TO headrace_reader")
    with psycopg.connect(postgres.reader, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM facts").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO facts VALUES ('x')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (name text)")


def test_nobody_connects_without_a_password(postgres: Database) -> None:
    user, _, rest = postgres.owner.removeprefix("postgresql://").partition(":")
    without = f"postgresql://{user}@{rest.partition('@')[2]}"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without)
