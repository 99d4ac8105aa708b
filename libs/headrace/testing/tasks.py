"""Calling a test's tasks the way a worker would."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from headrace.authoring.task_calls import Failed, InputMismatch, Succeeded, arguments, mismatch, raised, returned
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.task_events import TaskScheduled
from headrace.payloads.courier import Courier
from headrace.runtime.settings import Settings

# The limits that a worker has unless it is told otherwise.
_LIMITS = Settings()
_COURIER = Courier(inline_bytes=_LIMITS.payload_limit_bytes)


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
    tasks: Mapping[str, Callable[..., Any]],
    task: TaskScheduled,
    now_ms: int,
    injected: BaseException | Hang | type[BaseException | Hang] | None = None,
    courier: Courier = _COURIER,
) -> CompleteTask | FailTask | Hang | None:
    """Run one attempt and return what the worker would send; None for a task that nobody offers. What is injected is
    raised in place of the task.
    """
    function = tasks.get(task.task)
    if function is None:
        return None
    try:
        if isinstance(injected, Hang) or injected is Hang:
            return Hang()
        if injected is not None:
            raise injected  # type: ignore[misc]  # Hang is ruled out above
        body = getattr(function, "function", function)
        args, kwargs = arguments(body, courier.unpacked(task))
        value = function(*args, **kwargs)
        if inspect.isawaitable(value):
            value = asyncio.run(_settle(value))
        if isinstance(value, Hang) or value is Hang:
            return Hang()
        outcome = returned(task, value, courier.limit_bytes, body)
    except TaskError as error:
        outcome = Failed(error=error.error, cause=error.cause, retryable=error.retryable)
    except InputMismatch as error:
        outcome = mismatch(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a task may raise anything: that is its failure)
        outcome = raised(error, _LIMITS.cause_limit_bytes)
    if isinstance(outcome, Failed):
        return _failed(task, outcome, now_ms)
    assert isinstance(outcome, Succeeded)
    return CompleteTask(
        command_id=f"{task.run_id}/{task.step}/{task.attempt}",
        workflow_id=task.workflow_id,
        issued_at=now_ms,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        assignment=1,
        worker="test",
        output=outcome.output,
        started_at=now_ms,
        ended_at=now_ms,
    )


def _failed(task: TaskScheduled, failed: Failed, now_ms: int) -> FailTask:
    return FailTask(
        command_id=f"{task.run_id}/{task.step}/{task.attempt}",
        workflow_id=task.workflow_id,
        issued_at=now_ms,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        assignment=1,
        worker="test",
        error=failed.error,
        cause=failed.cause,
        retryable=failed.retryable,
        bases=failed.bases,
        started_at=now_ms,
        ended_at=now_ms,
    )


async def _settle(value: Any) -> Any:
    return await value
