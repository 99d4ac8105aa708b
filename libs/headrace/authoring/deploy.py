"""Publishes definitions: everything is validated before anything is sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from headrace.authoring.apps import Apps, collect_apps
from headrace.authoring.definitions import definition_of_graph, definition_of_workflow
from headrace.client.publisher import Publisher
from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.topics import DEFINITIONS, RESOURCE_COMMANDS
from headrace.engine.graph.problems import InvalidDefinition, Problem
from headrace.runtime.codecs import codec_for
from headrace.runtime.decision_settings import DecisionSettings
from headrace.runtime.settings import Settings


def validate_files(files: Sequence[str]) -> list[Definition]:
    """Return what modules and files would publish.

    Raises:
        InvalidDefinition: all problems of all of them, with file and line.
    """
    definitions, _ = _read(files)
    return definitions


def deploy_files(settings: Settings, files: Sequence[str]) -> list[dict[str, str]]:
    """Publish the workflows of modules and files, and return name and version of each, once Kafka has them.

    Raises:
        InvalidDefinition: something is wrong; then nothing was published.
        NotReachable: Kafka did not take everything in time; to deploy again is harmless.
    """
    definitions, resources = _read(files)
    codec = codec_for(settings)
    publisher = Publisher(settings)
    try:
        sent = []
        shards = publisher.partitions(RESOURCE_COMMANDS) if resources else 0
        for command in resources:
            shard = shard_of(command.resource, shards)
            sent.append(publisher.send(RESOURCE_COMMANDS, shard, command.resource, codec.encode(command)))
        if definitions:
            publisher.partitions(DEFINITIONS)
        for definition in definitions:
            latest = DefinitionLatest(
                name=definition.name, version=definition.version, deployed_at=definition.deployed_at
            )
            # One partition and one idempotent producer: who reads that a version is the latest has read that version.
            key = f"{definition.name}@{definition.version}"
            sent.append(publisher.send(DEFINITIONS, 0, key, codec.encode(definition)))
            sent.append(publisher.send(DEFINITIONS, 0, definition.name, codec.encode(latest)))
        for future in sent:
            publisher.wait(future)
    finally:
        publisher.close()
    return [{"name": definition.name, "version": definition.version} for definition in definitions]


def _read(files: Sequence[str]) -> tuple[list[Definition], list[DeclareResource]]:
    now_ms = time.time_ns() // 1_000_000
    apps, problems = collect_apps(files)
    definitions = [
        definition_of_graph(loaded.graph, file=loaded.file, deployed_at=now_ms) for loaded in apps.graphs.values()
    ]
    packages = DecisionSettings.load().packages
    for workflow in apps.workflows.values():
        try:
            definitions.append(
                definition_of_workflow(workflow, file=workflow.file, deployed_at=now_ms, packages=packages)
            )
        except InvalidDefinition as error:
            problems += error.problems
    resources, conflicts = _resources(apps, now_ms)
    if problems or conflicts:
        raise InvalidDefinition([*problems, *conflicts])
    return sorted(definitions, key=lambda definition: definition.name), resources


def _resources(apps: Apps, now_ms: int) -> tuple[list[DeclareResource], list[Problem]]:
    """Return what declares the resources of all documents and modules; two capacities for one name are a problem."""
    declared = [
        (name, capacity, loaded.file)
        for loaded in apps.graphs.values()
        for name, capacity in loaded.graph.resources.items()
    ]
    declared += [(resource.name, resource.capacity, "@resource") for resource in apps.resources.values()]
    found: dict[str, DeclareResource] = {}
    problems = []
    for name, capacity, by in declared:
        known = found.setdefault(name, _declare(name, capacity, by, now_ms))
        if known.capacity != capacity:
            both = f"{known.capacity} ({known.declared_by}) and {capacity}"
            text = f"Expected one capacity for resource {name}, but found {both}"
            problems.append(Problem(file=by, line=0, path=f"resources.{name}", message=text))
    return list(found.values()), problems


def _declare(name: str, capacity: int, by: str, now_ms: int) -> DeclareResource:
    return DeclareResource(
        command_id=uuid.uuid4().hex, resource=name, capacity=capacity, issued_at=now_ms, declared_by=by
    )
