"""Which kind of definition a value in an author's module is."""

from __future__ import annotations

from typing import Any

from headrace.authoring.task_stubs import task_stub
from headrace.authoring.workflows import WorkflowDefinition


def kind_of(value: Any) -> str:
    """Return `tasks`, `workflows`, `listeners`, `triggers` or `resources`; empty for anything else."""
    if isinstance(value, WorkflowDefinition):
        return "workflows"
    if task_stub(value) is not None:
        return "tasks"
    return _BY_TYPE.get(type(value).__name__, "")


_BY_TYPE = {"ListenerDefinition": "listeners", "TriggerDefinition": "triggers", "ResourceDefinition": "resources"}
