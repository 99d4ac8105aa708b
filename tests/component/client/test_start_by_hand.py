"""The producer that the docs show: what it writes is the command that our own client would have written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from headrace.contracts.codec import Codec
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.topics import WORKFLOW_COMMANDS, full_name
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics

EXAMPLE = Path(__file__).parents[3] / "examples" / "start_by_hand.py"


def test_the_documented_producer_writes_a_start_command(settings: Settings) -> None:
    ensure_topics(settings)
    arguments = [settings.kafka, "mill", "by-hand-1", '{"grain": "rye"}', settings.namespace]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    partition, offset = map(int, done.stdout.split(":"))
    consumer = Consumer(settings.client_config(group_id="test"))
    consumer.assign([TopicPartition(full_name(settings.namespace, WORKFLOW_COMMANDS), partition, offset)])
    record = consumer.poll(30)
    consumer.close()
    assert record is not None
    assert record.key() == b"by-hand-1"
    command = Codec().decode(record.value())
    assert isinstance(command, StartWorkflow)
    assert (command.workflow_id, command.name, command.input) == ("by-hand-1", "mill", b'{"grain": "rye"}')
    assert (command.content_type, command.if_exists, command.version) == ("application/json", "join", "")
