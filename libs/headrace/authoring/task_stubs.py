"""From a task as the author's module has it to what a bundle holds of it."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.authoring.stubs import TaskStub
from headrace.authoring.workflows import WorkflowDefinition
from headrace.engine.programs.python.targets import TaskTarget


def task_stub(value: Any) -> TaskStub | None:
    """Return the stub of a task; None for anything else."""
    if isinstance(value, type | WorkflowDefinition):
        return None
    target = getattr(value, "stub", value)
    if isinstance(target, TaskStub):
        return target
    if not isinstance(target, TaskTarget):
        return None
    fields = (field.name for field in msgspec.structs.fields(TaskStub))
    return TaskStub(**{name: getattr(target, name) for name in fields if hasattr(target, name)})
