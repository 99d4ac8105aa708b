"""What a run notes for itself and for those who look at it, and how it goes on with a smaller record. Field docs: the
schemas of the same names.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class ValueRecorded(Message, frozen=True, kw_only=True):
    """A workflow noted a value that is the same in every replay from now on."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    kind: str
    value: bytes
    content_type: str = "application/json"
    error: str = ""
    cause: str = ""
    at: int


class SearchAttributesSet(Message, frozen=True, kw_only=True):
    """A workflow set attributes that lists of workflows can be filtered by."""

    workflow_id: str
    run_id: str
    step: int
    attributes: bytes
    at: int


class Published(Message, frozen=True, kw_only=True):
    """A workflow showed a value to who looks at it from outside."""

    workflow_id: str
    run_id: str
    step: int
    name: str
    data: bytes
    content_type: str = "application/json"
    at: int


class WorkflowContinued(Message, frozen=True, kw_only=True):
    """A run ended, and its workflow goes on at once under the same id with a record that begins anew."""

    workflow_id: str
    run_id: str
    next_run_id: str
    name: str = ""
    started_at: int = 0
    input: bytes
    content_type: str = "application/json"
    kept_steps: int = 0
    state: bytes = b""
    heard: int = 0
    dropped_signals: list[int] = msgspec.field(default_factory=list)
    at: int
    trace: str = ""
