"""The decision service on a real Kafka: commands in, events in the journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from confluent_kafka import Producer

from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import DEFINITIONS, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL, full_name
from headrace.contracts.workflow_events import CommandForwarded, CommandRejected, WorkflowStarted, WorkflowSucceeded
from headrace.engine.graph import load_graph
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.reading import JournalReader
from headrace_decision.wiring import run

GRAPH = {"apiVersion": "headrace/v1", "name": "one", "tasks": {"a": {"task": "a"}}, "output": "{% $tasks.a.output %}"}
DEADLINE_S = 30


class Journal:
    """Everything that the decision shards decide, as any reader sees it."""

    def __init__(self, settings: Settings) -> None:
        self.reader = JournalReader(KafkaLog(settings), [WORKFLOW_JOURNAL], name="test")
        self.reader.start()
        self.events: list[Message] = []

    def wait_for(self, kind: type[Message], workflow_id: str = "") -> Message:
        """Return the first event of a kind, of a workflow."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            for event in self.events:
                if isinstance(event, kind) and getattr(event, "workflow_id", "") in (workflow_id, ""):
                    return event
            for record in self.reader.poll(100, 200):
                self.events += record.record.events
        raise AssertionError(f"Expected {kind.__name__} of {workflow_id}, but found {self.events}")


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Run the service in a thread; it is ready inside the block."""
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(settings, ready.set, stop), daemon=True)
    thread.start()
    assert ready.wait(DEADLINE_S), "Expected the decision service to become ready"
    yield
    stop.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def send(settings: Settings, topic: str, key: str, value: bytes, partition: int = 0) -> None:
    """Put one record on a topic and wait until the broker has it."""
    producer = Producer(settings.client_config())
    producer.produce(full_name(settings.namespace, topic), value, key, partition=partition)
    assert producer.flush(DEADLINE_S) == 0


def deploy(settings: Settings) -> None:
    """Publish the graph."""
    source = msgspec.json.encode(load_graph(GRAPH, source="test").to_document())
    codec = Codec()
    definition = Definition(name="one", version="v1", program="graph", source=source, deployed_at=1)
    send(settings, DEFINITIONS, "one@v1", codec.encode(definition))
    send(settings, DEFINITIONS, "one", codec.encode(DefinitionLatest(name="one", version="v1", deployed_at=1)))


def start(workflow_id: str) -> bytes:
    """Return a start command, framed."""
    return Codec().encode(
        StartWorkflow(command_id=workflow_id, workflow_id=workflow_id, issued_at=1, name="one", input=b"{}")
    )


@pytest.mark.timeout(180)
def test_a_workflow_is_decided_across_a_restart_and_bad_records_do_no_harm(settings: Settings) -> None:
    with running(settings):
        deploy(settings)
        home = shard_of("w", settings.decision_shards)
        send(settings, WORKFLOW_COMMANDS, "w", b"\x00\x00\x00\xff\xffjunk", home)
        # Any partitioner will do: this one picks a shard that is not the workflow's.
        send(settings, WORKFLOW_COMMANDS, "w", start("w"), (home + 1) % settings.decision_shards)
        journal = Journal(settings)
        assert isinstance(journal.wait_for(CommandForwarded, "w"), CommandForwarded)
        assert isinstance(journal.wait_for(CommandRejected, "w"), CommandRejected)
        task = journal.wait_for(TaskScheduled, "w")
        assert isinstance(task, TaskScheduled)
    done = CompleteTask(
        command_id="r", workflow_id="w", issued_at=1, run_id=task.run_id, step=task.step, attempt=1, assignment=1,
        worker="test", output=b"[7]", started_at=1, ended_at=2,
    )  # fmt: skip
    send(settings, WORKFLOW_COMMANDS, "w", Codec().encode(done), home)
    with running(settings):
        send(settings, WORKFLOW_COMMANDS, "w", start("w"), home)
        ended = journal.wait_for(WorkflowSucceeded, "w")
        assert isinstance(ended, WorkflowSucceeded)
        assert ended.output == b"[7]"
        send(settings, WORKFLOW_COMMANDS, "v", start("v"), shard_of("v", settings.decision_shards))
        journal.wait_for(TaskScheduled, "v")
    assert sum(isinstance(event, WorkflowStarted) and event.workflow_id == "w" for event in journal.events) == 1
