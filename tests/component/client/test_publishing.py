"""The client and deployment on a real Kafka: what stands in which partition, sizes, traces, and order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from headrace.authoring.deploy import deploy_files
from headrace.client.async_client import AsyncClient
from headrace.client.client import Client
from headrace.client.errors import NotReachable
from headrace.client.publisher import Publisher
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow, StartWorkflow, TerminateWorkflow
from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.topics import DEFINITIONS, RESOURCE_COMMANDS, WORKFLOW_COMMANDS, full_name
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics

GRAPH = "apiVersion: headrace/v1\nname: small\nresources: {wheel: {capacity: 3}}\ntasks: {one: {task: grind}}\n"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def topics(settings: Settings) -> Settings:
    """The settings of a namespace whose topics are there."""
    ensure_topics(settings)
    return settings


def records(settings: Settings, topic: str) -> Sequence[Message]:
    """Return all records of a topic, partition by partition."""
    consumer = Consumer(
        settings.client_config(group_id="test", enable_partition_eof=True, auto_offset_reset="earliest")
    )
    name = full_name(settings.namespace, topic)
    partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
    consumer.assign([TopicPartition(name, number, 0) for number in partitions])
    found: list[Message] = []
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ended += 1
        else:
            found.append(message)
    consumer.close()
    return sorted(found, key=lambda each: (each.partition(), each.offset()))


def test_a_command_stands_where_the_handle_says_on_the_shard_of_its_id(topics: Settings) -> None:
    with Client(topics) as client:
        handles = [client.start("mill", {"n": n}, id=f"mill-{n}", traceparent=TRACEPARENT) for n in range(20)]
        client.cancel("mill-3", "enough")
        client.terminate("mill-3")
    found = records(topics, WORKFLOW_COMMANDS)
    by_position = {f"{each.partition()}:{each.offset()}": each for each in found}
    for number, handle in enumerate(handles):
        record = by_position[handle.position]
        command = Codec().decode(record.value())
        assert isinstance(command, StartWorkflow)
        assert (command.workflow_id, command.input) == (f"mill-{number}", b'{"n":%d}' % number)
        assert record.key() == command.workflow_id.encode()
        assert record.partition() == shard_of(command.workflow_id, topics.decision_shards)
        assert record.headers() == [("traceparent", TRACEPARENT.encode())]
    kinds = [type(Codec().decode(each.value())) for each in found if each.key() == b"mill-3"]
    assert kinds == [StartWorkflow, CancelWorkflow, TerminateWorkflow]


def test_an_input_of_exactly_the_limit_is_taken_by_the_broker(topics: Settings) -> None:
    text = "x" * (topics.payload_limit_bytes - 2)
    with Client(topics) as client:
        client.start("mill", text, id="large")
    (record,) = records(topics, WORKFLOW_COMMANDS)
    command = Codec().decode(record.value())
    assert isinstance(command, StartWorkflow)
    assert len(command.input) == topics.payload_limit_bytes


def test_many_starts_at_once_from_asyncio(topics: Settings) -> None:
    async def start_all() -> list[str]:
        async with AsyncClient(topics) as client:
            handles = await asyncio.gather(*(client.start("mill", n=n) for n in range(200)))
            return [handle.position for handle in handles]

    positions = asyncio.run(start_all())
    assert len(set(positions)) == 200
    assert len(records(topics, WORKFLOW_COMMANDS)) == 200


def test_a_namespace_that_is_not_there_is_said_with_what_to_do(settings: Settings) -> None:
    with (
        Client(settings) as client,
        pytest.raises(NotReachable, match=r"workflow\.commands .* it is not there.*HEADRACE_NAMESPACE"),
    ):
        client.start("mill")
    publisher = Publisher(settings)
    with pytest.raises(NotReachable, match="definitions"):
        publisher.partitions(DEFINITIONS)
    publisher.close()


def test_deploying_publishes_each_version_before_it_is_the_latest_and_declares_resources(
    topics: Settings, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(GRAPH)
    deployed = deploy_files(topics, [str(tmp_path / "small.yaml")])
    assert deploy_files(topics, [str(tmp_path / "small.yaml")]) == deployed
    version = deployed[0]["version"]
    found = [(each.key(), Codec().decode(each.value())) for each in records(topics, DEFINITIONS)]
    assert [key for key, _ in found] == [f"small@{version}".encode(), b"small"] * 2
    definition, latest = found[0][1], found[1][1]
    assert isinstance(definition, Definition)
    assert isinstance(latest, DefinitionLatest)
    assert (definition.name, definition.version, definition.program) == ("small", version, "graph")
    assert (latest.name, latest.version) == ("small", version)
    declared = [Codec().decode(each.value()) for each in records(topics, RESOURCE_COMMANDS)]
    assert [(each.resource, each.capacity) for each in declared if isinstance(each, DeclareResource)] == [
        ("wheel", 3)
    ] * 2
