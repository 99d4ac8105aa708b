"""Kafka and Postgres together, as `headrace dev` runs them, and each alone, as tests and benchmarks do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from headrace.local.jars import ensure_jars
from headrace.local.kafka import KafkaOptions, kafka_child, prepare_kafka, wait_for_kafka
from headrace.local.ports import choose_port
from headrace.local.postgres import PostgresServer, ensure_roles, postgres_child, prepare_postgres, wait_for_postgres
from headrace.local.postgres_home import remove_home
from headrace.local.process import Child, ChildSpec, stop_children
from headrace.local.settings import LocalSettings
from headrace.local.state import StateDir, discard

Say = Callable[[str], None]


def _silent(_: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Both servers, prepared but not running."""

    kafka: KafkaOptions
    postgres: PostgresServer

    def children(self) -> tuple[ChildSpec, ChildSpec]:
        return kafka_child(self.kafka), postgres_child(self.postgres)


def prepare_servers(state: StateDir, settings: LocalSettings, *, say: Say = _silent) -> Servers:
    """Fetch, format and initialise what is missing, on ports that are free now. The state must be locked by us."""
    with ThreadPoolExecutor(max_workers=1) as background:
        # Both take about a second and neither needs the other.
        postgres = background.submit(_prepare_postgres, state, settings, choose_port(settings.postgres_port))
        kafka = _prepare_kafka(state, settings, choose_port(settings.kafka_port), say)
        return Servers(kafka=kafka, postgres=postgres.result())


def wait_for_servers(servers: Servers, *, kafka: Child, postgres: Child, timeout_s: float) -> None:
    """Return when both answer, and Postgres has its roles and database."""
    wait_for_postgres(postgres, servers.postgres, timeout_s)
    ensure_roles(servers.postgres)
    wait_for_kafka(kafka, servers.kafka.bootstrap, timeout_s)


@contextmanager
def running_kafka(state: StateDir, settings: LocalSettings) -> Iterator[KafkaOptions]:
    """A broker alone, on free ports, running inside the `with` block."""
    state.create()
    with state.locked():
        options = _prepare_kafka(state, settings, choose_port(), _silent)
        child = Child(kafka_child(options))
        try:
            wait_for_kafka(child, options.bootstrap, settings.ready_timeout_s)
            yield options
        finally:
            stop_children([child])


@contextmanager
def running_postgres(state: StateDir, settings: LocalSettings) -> Iterator[PostgresServer]:
    """A Postgres alone, on a free port, running inside the `with` block."""
    state.create()
    with state.locked():
        server = _prepare_postgres(state, settings, choose_port())
        child = Child(postgres_child(server))
        try:
            wait_for_postgres(child, server, settings.ready_timeout_s)
            ensure_roles(server)
            yield server
        finally:
            stop_children([child])


def remove_data(state: StateDir) -> None:
    """Delete all that the stack has stored, passwords and logs included. The state must be locked by us."""
    remove_home(state.postgres)
    for path in (state.kafka, state.secrets, state.logs, state.run):
        discard(path)
    state.dev_json.unlink(missing_ok=True)
    state.create()


def _prepare_kafka(state: StateDir, settings: LocalSettings, port: int, say: Say) -> KafkaOptions:
    options = KafkaOptions(
        home=state.kafka,
        log_path=state.log("kafka"),
        jars=ensure_jars(settings.cache_path, say=say),
        port=port,
        controller_port=choose_port(),
        durability=settings.durability,
        heap_mb=settings.kafka_heap_mb,
        stop_grace_s=settings.stop_grace_s,
    )
    prepare_kafka(options)
    return options


def _prepare_postgres(state: StateDir, settings: LocalSettings, port: int) -> PostgresServer:
    return prepare_postgres(state, port=port, user_name=settings.postgres_user, stop_grace_s=settings.stop_grace_s)
