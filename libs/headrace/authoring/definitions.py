"""Definitions as data: how they are made from what authors write, and where a process keeps those that it has read."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from headrace.authoring.bundle import make_bundle
from headrace.authoring.workflows import WorkflowDefinition
from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.message import Message
from headrace.engine.graph.model import Graph
from headrace.engine.task_versions import COMPATIBLE

# Versions of the interpreters that definitions are published for.
INTERPRETERS = {"graph": 1, "python": 1}
VERSION_CHARACTERS = 12


class DefinitionStore:
    """All definitions that a process has read (`headrace.engine.programs.program.Definitions`)."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], Definition] = {}
        self._latest: dict[str, str] = {}

    def apply(self, message: Message) -> None:
        """Take in a record of the `definitions` topic; other messages are none of its business."""
        if isinstance(message, Definition):
            self._versions[message.name, message.version] = message
        elif isinstance(message, DefinitionLatest):
            self._latest[message.name] = message.version

    def get(self, name: str, version: str) -> Definition | None:
        """Return one version, or None when it is not known."""
        return self._versions.get((name, version))

    def latest(self, name: str) -> Definition | None:
        """Return the version that a start without a version gets, or None."""
        version = self._latest.get(name)
        return None if version is None else self._versions.get((name, version))

    def names(self) -> list[str]:
        """Return the names of all workflows that can be started without a version."""
        return sorted(self._latest)


def definition_of_graph(graph: Graph, *, file: str, deployed_at: int) -> Definition:
    """Return what is published of a graph."""
    options = {"timeout_ms": graph.timeout_ms, "resources": dict(graph.resources), "queues": graph.queues}
    return _definition(graph.name, "graph", graph.canonical_json(), options, file, deployed_at)


def definition_of_workflow(
    workflow: WorkflowDefinition[..., Any], *, file: str, deployed_at: int, packages: frozenset[str] = frozenset()
) -> Definition:
    """Return what is published of a Python workflow, which may use the `packages` of others.

    Raises:
        InvalidDefinition: it cannot be bundled.
    """
    options: dict[str, Any] = {"timeout_ms": workflow.timeout_ms, "key": workflow.key}
    if workflow.task_versions != COMPATIBLE:
        options["task_versions"] = workflow.task_versions
    bundle = make_bundle(workflow, packages)
    options["queues"] = bundle.queues
    return _definition(workflow.name, "python", bundle.to_bytes(), options, file, deployed_at)


def _definition(
    name: str, program: str, source: bytes, options: dict[str, Any], file: str, deployed_at: int
) -> Definition:
    encoded = msgspec.json.encode(options, order="deterministic")
    return Definition(
        name=name,
        version=content_version(program, INTERPRETERS[program], source, encoded),
        program=program,
        interpreter=INTERPRETERS[program],
        source=source,
        options=encoded,
        deployed_at=deployed_at,
        file=file,
    )


def content_version(program: str, interpreter: int, source: bytes, options: bytes) -> str:
    """Return the version of a definition: the first 12 hex digits of the SHA-256 of what decides how it runs."""
    parts = (program.encode(), str(interpreter).encode(), options, source)
    # Each part with its length before it, so that no two lists of parts give the same bytes.
    hashed = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts))
    return hashed.hexdigest()[:VERSION_CHARACTERS]
