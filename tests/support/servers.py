"""Fixtures: a real Kafka and a real Postgres for the whole run, a namespace or a database for each test.

kafka        bootstrap address, "127.0.0.1:N"; one broker per run, in page-cache mode
namespace    a topic prefix that no other test has; its topics are deleted after the test
settings     headrace.runtime.settings.Settings for that broker and namespace
postgres     a fresh database: .owner and .reader are DSNs, .name is its name
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from psycopg import sql

from headrace.local.postgres import OWNER, READER, SUPERUSER, create_database
from headrace.local.postgres_home import remove_home
from headrace.local.settings import LocalSettings
from headrace.local.stack import running_kafka, running_postgres
from headrace.local.state import StateDir
from headrace.runtime.settings import Settings
from tests.support.shared import Address, shared

# A killed test run loses nothing that anybody would miss, and an fsync per record only slows the tests down.
_TEST_SETTINGS = LocalSettings(durability="page-cache", kafka_heap_mb=512)
_DELETE_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database of one test. The DSNs carry passwords."""

    name: str
    owner: str
    reader: str


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def kafka(run_dir: Path) -> Iterator[str]:
    """The bootstrap address of the run's broker."""

    @contextmanager
    def start() -> Iterator[Address]:
        with running_kafka(StateDir(run_dir / "kafka-state"), _TEST_SETTINGS) as options:
            yield {"bootstrap": options.bootstrap}

    with shared(run_dir, "kafka", start) as address:
        yield address["bootstrap"]


@pytest.fixture(scope="session")
def postgres_server(run_dir: Path) -> Iterator[Address]:
    """DSNs without a database name of the run's Postgres, by role."""

    @contextmanager
    def start() -> Iterator[Address]:
        state = StateDir(run_dir / "postgres-state")
        try:
            with running_postgres(state, _TEST_SETTINGS) as server:
                yield {role: server.dsn(role, "") for role in (SUPERUSER, OWNER, READER)}
        finally:
            remove_home(state.postgres)

    with shared(run_dir, "postgres", start) as address:
        yield address


@pytest.fixture
def postgres(postgres_server: Address) -> Iterator[Database]:
    """An empty database that OWNER owns, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server[SUPERUSER] + "postgres", autocommit=True) as connection:
        create_database(connection, name)
        yield Database(name=name, owner=postgres_server[OWNER] + name, reader=postgres_server[READER] + name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A prefix of topics that no other test has."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    if "kafka" in request.fixturenames:
        _delete_topics(request.getfixturevalue("kafka"), f"{name}.")


@pytest.fixture
def settings(kafka: str, namespace: str) -> Settings:
    """The settings of a service in a namespace of its own on the run's broker."""
    return Settings(kafka=kafka, namespace=namespace)


def _delete_topics(bootstrap: str, prefix: str) -> None:
    """Partitions of finished tests would be files and memory of the broker for the rest of the run."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topics = [topic for topic in admin.list_topics(timeout=_DELETE_TIMEOUT_S).topics if topic.startswith(prefix)]
    if topics:
        for deletion in admin.delete_topics(topics, operation_timeout=_DELETE_TIMEOUT_S).values():
            deletion.result(timeout=_DELETE_TIMEOUT_S)
