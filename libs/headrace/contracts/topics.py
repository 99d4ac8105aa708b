"""The topics by name, as `schemas/topics.yaml` lists them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import yaml

from headrace.contracts.schemas import schema_folder

WORKFLOW_COMMANDS = "workflow.commands"
WORKFLOW_JOURNAL = "workflow.journal"
WORKFLOW_SNAPSHOTS = "workflow.snapshots"
TASK_JOURNAL = "task.journal"
TASK_SNAPSHOTS = "task.snapshots"
WORKER_REPORTS = "worker.reports"
RESOURCE_COMMANDS = "resource.commands"
RESOURCE_JOURNAL = "resource.journal"
RESOURCE_SNAPSHOTS = "resource.snapshots"
DEFINITIONS = "definitions"
NAMESPACE = "namespace"
WORKFLOW_EVENTS = "workflow.events"
TASK_EVENTS = "task.events"
RESOURCE_EVENTS = "resource.events"
DEAD_LETTERS = "dead-letters"
LISTENER_POSITIONS = "listener.positions"
LISTENER_STATES = "listener.states"
LOGS = "logs"
JOURNALS = (WORKFLOW_JOURNAL, TASK_JOURNAL, RESOURCE_JOURNAL)


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One topic. `partitions` is a number or the name of the namespace setting that gives it; times are in ms."""

    partitions: int | str
    key: str
    cleanup: str
    retention_ms: int
    timestamp: str
    journal: bool
    writers: list[str]
    readers: list[str]
    doc: str
    config: dict[str, str] = {}


@cache
def topic_specs() -> dict[str, TopicSpec]:
    """Return every topic by its name without the namespace."""
    document: Any = yaml.safe_load((schema_folder() / "topics.yaml").read_text(encoding="utf-8"))
    return {name: msgspec.convert(spec, TopicSpec) for name, spec in document["topics"].items()}


def full_name(namespace: str, topic: str) -> str:
    """Return a topic's name on the cluster."""
    return f"{namespace}.{topic}"


def is_journal(topic: str) -> bool:
    """Tell whether the reader's rule applies to a topic."""
    return topic in JOURNALS


def snapshots_of(journal: str) -> str:
    """Return the topic that holds the checkpoints of those who write a journal."""
    return journal.removesuffix("journal") + "snapshots"
