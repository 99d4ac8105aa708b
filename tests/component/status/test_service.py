"""The whole service as a process, on a real Kafka and a real Postgres."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.support.servers import Database
from tests.support.status_events import ID, done, scheduled, started, succeeded


def eventually(what: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.fixture
def service(
    settings: Settings, postgres: Database, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """The running service, its address and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    log, ready = tmp_path / "status.log", tmp_path / "ready"
    environment = {
        **os.environ,
        "HEADRACE_KAFKA": settings.kafka,
        "HEADRACE_NAMESPACE": settings.namespace,
        "HEADRACE_POSTGRES": postgres.owner,
        "HEADRACE_POSTGRES_READER": postgres.reader,
        "HEADRACE_API": address,
        "HEADRACE_READY_FILE": str(ready),
    }
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-m", "headrace_status"], env=environment, stderr=sink)
    try:
        eventually(ready.exists, process, log)
        yield process, address, log
    finally:
        process.terminate()
        process.wait(30)


def test_a_workflow_on_kafka_shows_in_the_api(
    settings: Settings, service: tuple[subprocess.Popen[bytes], str, Path]
) -> None:
    process, address, _ = service
    ensure_topics(settings)
    codec, producer = Codec(), Producer({"bootstrap.servers": settings.kafka})
    topic = f"{settings.namespace}.{topics.WORKFLOW_JOURNAL}"
    reign = codec.encode(EpochStarted(code_version=1, process="test", at=1))
    producer.produce(topic, reign, partition=0, headers=list(journal_headers(EPOCH_STARTED, 0)))
    record = JournalRecord(epoch=0, n=1, at=1, positions=[], events=[started(), scheduled(0), done(0), succeeded()])
    producer.produce(topic, codec.encode(record), partition=0, headers=list(journal_headers(0, 1)))
    producer.flush(30)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        found = client.get(f"/api/v1/workflows/{ID}", params={"wait": 30}).json()
        assert (found["status"], found["output"], found["tasks"]) == ("SUCCEEDED", [1, 2], {"SUCCEEDED": 1})
        lag = client.get("/api/v1/lag").json()
        assert all(item["records"] == 0 for item in lag["items"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_without_a_dsn_it_says_which_setting_is_missing(settings: Settings) -> None:
    environment = {"PATH": os.environ["PATH"], "HEADRACE_KAFKA": settings.kafka}
    ended = subprocess.run(
        [sys.executable, "-m", "headrace_status"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "HEADRACE_POSTGRES" in ended.stderr
