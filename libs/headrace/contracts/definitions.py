"""Workflow definitions and the namespace's settings, as compacted topics hold them. Field docs: the schemas of the
same names.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class Definition(Message, frozen=True, kw_only=True):
    """One version of a workflow definition."""

    name: str
    version: str
    program: str
    interpreter: int = 1
    source: bytes
    options: bytes = b"{}"
    deployed_at: int
    file: str = ""


class DefinitionLatest(Message, frozen=True, kw_only=True):
    """Which version a start without a version gets."""

    name: str
    version: str
    deployed_at: int


class NamespaceSettings(Message, frozen=True, kw_only=True):
    """What was chosen when the namespace was made."""

    decision_shards: int
    dispatcher_shards: int
    resource_shards: int
    made_at: int
    topic_ids: dict[str, str] = msgspec.field(default_factory=dict)
