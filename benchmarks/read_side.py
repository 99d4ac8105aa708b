"""What the read side costs alone: the projection into a real Postgres, and the relay to a real Kafka.

    python -m benchmarks.read_side --part projection --workflows 20000 [--parked 100000] [--profile FILE]
    python -m benchmarks.read_side --part relay --workflows 20000

Journals are made up in memory first. One JSON line: CPU per workflow in ms, by who used it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.journals import JournalMaker, Shape
from benchmarks.usage import cpu_ms
from headrace.contracts.codec import Codec
from headrace.contracts.headers import Headers
from headrace.local.postgres import OWNER, READER
from headrace.local.postgres_home import remove_home
from headrace.local.settings import LocalSettings
from headrace.local.stack import running_kafka, running_postgres
from headrace.local.state import StateDir
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace.runtime.status_settings import StatusSettings
from headrace.shard.clock import SystemClock
from headrace.shard.kafka import KafkaLog
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import TopicPartition
from headrace.shard.topics import ensure_topics
from headrace_listener.relay.kafka import KafkaOutput
from headrace_listener.relay.relay import Relay
from headrace_status.model import names
from headrace_status.model.migrate import migrate
from headrace_status.projection.board import Board
from headrace_status.projection.projector import Projector

NAMESPACE = "headrace"


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read_side", description=__doc__)
    parser.add_argument("--part", choices=("projection", "relay"), default="projection")
    parser.add_argument("--workflows", type=int, default=20_000)
    parser.add_argument("--parked", type=int, default=0, help="workflows that stand open all the time")
    parser.add_argument("--decisions", type=int, default=4, help="inputs that one journal record answers")
    parser.add_argument("--in-flight", type=int, default=500)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--profile", help="write a cProfile of the part's thread here")
    options = parser.parse_args()
    shape = Shape(
        workflows=options.workflows,
        parked=options.parked,
        in_flight=options.in_flight,
        decisions=options.decisions,
        shards=options.shards,
    )
    log = MemoryLog.of_namespace(SystemClock(), decision_shards=shape.shards)
    maker = JournalMaker(shape)
    _append(log, maker.parked())
    busy = list(maker.busy())
    # The journals are the bench's, not the service's: its collector should not go through them again and again.
    gc.collect()
    gc.freeze()
    measure = projection if options.part == "projection" else relay
    figures = measure(log, lambda: _append(log, busy), options.profile)
    per_workflow = {who: round(ms / shape.workflows, 4) for who, ms in figures.items() if who.endswith("_ms")}
    print(json.dumps({"records": len(busy), **vars(options), **figures, **per_workflow}))


def projection(log: MemoryLog, go_on: Callable[[], None], profile: str | None) -> dict[str, Any]:
    """Project what there is into an empty Postgres, then go on, and measure that."""
    with _folder() as state, running_postgres(state, LocalSettings()) as server:
        owner = server.dsn(OWNER)
        migrate(owner, server.dsn(READER), NAMESPACE)
        postmaster = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        _project(log, owner, None)
        go_on()
        before = cpu_ms({"postgres": postmaster})["postgres"]
        began = time.perf_counter()
        used_ms = _project(log, owner, profile)
        seconds = time.perf_counter() - began
        with psycopg.connect(owner) as connection:
            row = connection.execute("SELECT sum(pg_database_size(datname)) FROM pg_database").fetchone()
            assert row is not None
        after = cpu_ms({"postgres": postmaster})["postgres"]
    database_mb = round(float(row[0]) / 1e6, 1)
    return {
        "python_ms": used_ms,
        "postgres_ms": after - before,
        "seconds": round(seconds, 2),
        "database_mb": database_mb,
    }


def _project(log: MemoryLog, owner: str, profile: str | None) -> float:
    """Run a projector until it has caught up; return the CPU time of its thread in ms."""
    board, stop, used_ms = Board(), threading.Event(), [0.0]

    def run() -> None:
        connect = lambda: psycopg.connect(owner, autocommit=True)  # noqa: E731
        projector = Projector(log, connect, names.data_schema(NAMESPACE), board, limits=StatusSettings.load())
        with _profiled(profile):
            projector.run(stop)
        used_ms[0] = time.thread_time() * 1000

    thread = threading.Thread(target=run)
    thread.start()
    board.caught_up_once.wait()
    stop.set()
    thread.join()
    return used_ms[0]


def relay(log: MemoryLog, go_on: Callable[[], None], profile: str | None) -> dict[str, Any]:
    """Relay what there is to a Kafka of its own, then go on, and measure that."""
    with _folder() as state, running_kafka(state, LocalSettings()) as kafka:
        settings = Settings(kafka=kafka.bootstrap)
        ensure_topics(settings)
        real = KafkaLog(settings)
        limits = ListenerSettings.load()
        codec = Codec()
        output = KafkaOutput(settings, real.availability, codec, limits)
        clock = SystemClock()
        life = Relay(log, output, clock, codec=codec, namespace=settings.namespace, limits=limits)
        _relay(life)
        go_on()
        relayed = life.relayed
        process, python, began = time.process_time(), time.thread_time(), time.perf_counter()
        with _profiled(profile):
            _relay(life)
        figures = {
            "process_ms": (time.process_time() - process) * 1000,
            "python_ms": (time.thread_time() - python) * 1000,
            "seconds": round(time.perf_counter() - began, 2),
            "relayed": life.relayed - relayed,
        }
        life.close()
        output.close()
        real.close()
        return figures


def _relay(life: Relay) -> None:
    while life.step() or life.behind():
        time.sleep(life.rest_ms() / 1000)


def _append(log: MemoryLog, records: Iterable[tuple[TopicPartition, bytes, Headers]]) -> None:
    for (topic, partition), value, headers in records:
        log.append(topic, partition, value, headers=headers)


@contextmanager
def _profiled(path: str | None) -> Iterator[None]:
    if path is None:
        yield
        return
    profiler = cProfile.Profile()
    profiler.enable()
    yield
    profiler.disable()
    profiler.dump_stats(path)


@contextmanager
def _folder() -> Iterator[StateDir]:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        state = StateDir(Path(folder) / "state")
        try:
            yield state
        finally:
            remove_home(state.postgres)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
