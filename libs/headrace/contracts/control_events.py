"""What operators made of a workflow: paused, resumed, moved to another version, run again. Field docs: the schemas of
the same names.
"""

from __future__ import annotations

from headrace.contracts.message import Message


class WorkflowPaused(Message, frozen=True, kw_only=True):
    """A workflow stands still until it is resumed."""

    workflow_id: str
    run_id: str
    command_id: str = ""
    reason: str = ""
    at: int


class WorkflowResumed(Message, frozen=True, kw_only=True):
    """A workflow that was paused or stuck goes on."""

    workflow_id: str
    run_id: str
    command_id: str = ""
    reason: str = ""
    at: int


class WorkflowMigrated(Message, frozen=True, kw_only=True):
    """A workflow moved to another version of its definition: a replay of its record with it agreed."""

    workflow_id: str
    run_id: str
    command_id: str = ""
    from_version: str
    version: str
    program: str
    interpreter: int = 1
    at: int


class MigrationChecked(Message, frozen=True, kw_only=True):
    """A replay of a workflow's record with another version agrees; it was only tried, and nothing changed."""

    workflow_id: str
    run_id: str
    command_id: str = ""
    version: str
    steps: int = 0
    at: int


class StepReused(Message, frozen=True, kw_only=True):
    """A step of a run that was started by a retry ended at once, with what a run before it has."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    kind: str
    task: str = ""
    status: str
    output: bytes
    content_type: str = "application/json"
    from_run: str
    order: int
    position: int
    digest: bytes = b""
    at: int


class HeldInputTaken(Message, frozen=True, kw_only=True):
    """The first of the inputs that waited with a stuck workflow is decided now."""

    workflow_id: str
    run_id: str
    at: int
