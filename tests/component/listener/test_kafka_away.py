"""The listener service while Kafka is away: it waits, says so once, and goes on by itself."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.contracts import topics
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.component.listener.cluster import Journal, app, eventually, headers_of, read, running
from tests.support.broker import Broker
from tests.unit.listener.journals import succeeded


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_it_goes_on_where_it_was(broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    settings = Settings(kafka=broker.address, namespace="away")
    ensure_topics(settings)
    code = "@listener(events=['TaskSucceeded'])\ndef tell(event): calls.append(event.key)\n"
    journal = Journal(settings, topics.WORKFLOW_JOURNAL)
    with running(settings, app(tmp_path, "app_away", code)):
        calls = sys.modules["app_away"].calls
        journal.write(succeeded("before"))
        journal.flush()
        eventually(lambda: "before" in calls, "the first event")
        broker.kill()
        eventually(lambda: "does not answer" in caplog.text, "the warning")
        broker.start()
        journal.write(succeeded("after"))
        journal.flush()
        eventually(lambda: "after" in calls, "the event after the outage")
    assert set(calls) == {"before", "after"}
    relayed = Counter(headers_of(record)["ce_id"] for record in read(settings, topics.TASK_EVENTS))
    assert relayed == {"workflow.journal/0/1/0": 1, "workflow.journal/0/2/0": 1}
    assert caplog.text.count("ERROR") == 0
