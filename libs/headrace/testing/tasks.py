"""Calling a test's tasks the way a worker would."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.programs.python.payloads import bind_input, to_json


class TaskError(Exception):
    """Raised by a test's task to fail under any error name."""

    def __init__(self, error: str, cause: str = "", *, retryable: bool = True) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.retryable = retryable


class Hang:
    """Returned by a test's task that never answers: its time-out ends it, where it has one."""


def call_task(
    tasks: Mapping[str, Callable[..., Any]], task: TaskScheduled, now_ms: int
) -> CompleteTask | FailTask | Hang | None:
    """Run one attempt and return what the worker would send; None for a task that nobody offers."""
    function = tasks.get(task.task)
    if function is None:
        return None
    try:
        args, kwargs = bind_input(task.input, task.content_type)
        value = function(*args, **kwargs)
        if inspect.isawaitable(value):
            value = asyncio.run(_settle(value))
        if isinstance(value, Hang) or value is Hang:
            return Hang()
        output = to_json(value)
    except TaskError as failed:
        return _failed(task, failed.error, failed.cause, now_ms, retryable=failed.retryable)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a task may raise anything: that is its failure)
        cause = "".join(traceback.format_exception_only(error)).strip()
        retryable = not getattr(type(error), "non_retryable", False)
        return _failed(task, type(error).__name__, cause, now_ms, retryable=retryable)
    return CompleteTask(
        command_id=f"{task.run_id}/{task.step}/{task.attempt}",
        workflow_id=task.workflow_id,
        issued_at=now_ms,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        assignment=1,
        worker="test",
        output=output,
        started_at=now_ms,
        ended_at=now_ms,
    )


def _failed(task: TaskScheduled, error: str, cause: str, now_ms: int, *, retryable: bool = True) -> FailTask:
    return FailTask(
        command_id=f"{task.run_id}/{task.step}/{task.attempt}",
        workflow_id=task.workflow_id,
        issued_at=now_ms,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        assignment=1,
        worker="test",
        error=error,
        cause=cause,
        retryable=retryable,
        started_at=now_ms,
        ended_at=now_ms,
    )


async def _settle(value: Any) -> Any:
    return await value
