"""Results of tasks and children as the types that these are annotated with."""

from __future__ import annotations

from typing import Any

from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.programs.python.errors import ChildFailed, TaskFailed
from headrace.engine.programs.python.payloads import typed_payload
from headrace.payloads.typed import Mismatch

_ERROR = "headrace.ResultMismatch"


def task_result(target: Any, task: str, outcome: Outcome) -> Any:
    """Return what a task has returned. Raises `TaskFailed` where it is not what the task is annotated with."""
    try:
        return typed_payload(outcome.data, outcome.content_type, _type_of(target))
    except Mismatch as error:
        cause = f"Expected task {task} to return what it is annotated with, but {error}"
        raise TaskFailed(_ERROR, cause, task=task, status=outcome.status) from error


def child_result(target: Any, name: str, outcome: Outcome) -> Any:
    """Return the output of a child. Raises `ChildFailed` where it is not what the workflow is annotated with."""
    try:
        return typed_payload(outcome.data, outcome.content_type, _type_of(target))
    except Mismatch as error:
        cause = f"Expected workflow {name} to return what it is annotated with, but {error}"
        raise ChildFailed(_ERROR, cause, workflow=name, status=outcome.status) from error


def _type_of(target: Any) -> Any:
    """Return the type of a target's results; Any for a name, and where the types do not travel with the workflow."""
    return getattr(target, "result_type", Any)
