"""headrace: durable workflows on Kafka. What authors and callers import; each name is loaded at its first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.authoring.async_tasks import async_task
    from headrace.authoring.gauges import gauge
    from headrace.authoring.listeners import listener
    from headrace.authoring.middleware import middleware
    from headrace.authoring.outside import PENDING, Finished
    from headrace.authoring.resources import resource
    from headrace.authoring.retry import NonRetryable, Retry
    from headrace.authoring.task_context import current
    from headrace.authoring.tasks import task
    from headrace.authoring.triggers import trigger
    from headrace.authoring.workflows import WorkflowDefinition, workflow
    from headrace.client.async_client import AsyncClient, AsyncHandle
    from headrace.client.client import Client, Handle
    from headrace.client.errors import (
        ClientError,
        CommandRefused,
        InvalidStart,
        NoSuchWorkflow,
        NotReachable,
        ResultMismatch,
        StartRefused,
        TimedOut,
        WorkflowFailed,
    )
    from headrace.engine.kernel.outcomes import Cancelled, WorkflowFailure
    from headrace.engine.programs.python.context import WorkflowContext
    from headrace.engine.programs.python.errors import (
        AttachFailed,
        CallbackFailed,
        CallbackTimedOut,
        ChildFailed,
        CompensationFailed,
        MemoFailed,
        ReceiveTimedOut,
        SignalMismatch,
        SignalRefused,
        TaskFailed,
        WaitTimedOut,
    )
    from headrace.payloads.converters import converter
    from headrace.payloads.large import LargeValue, ValueTooLarge
    from headrace.runtime.settings import Settings

_PLACES = {
    "AsyncClient": "headrace.client.async_client",
    "AsyncHandle": "headrace.client.async_client",
    "AttachFailed": "headrace.engine.programs.python.errors",
    "CallbackFailed": "headrace.engine.programs.python.errors",
    "CallbackTimedOut": "headrace.engine.programs.python.errors",
    "Cancelled": "headrace.engine.kernel.outcomes",
    "ChildFailed": "headrace.engine.programs.python.errors",
    "Client": "headrace.client.client",
    "ClientError": "headrace.client.errors",
    "CommandRefused": "headrace.client.errors",
    "Handle": "headrace.client.client",
    "InvalidStart": "headrace.client.errors",
    "NoSuchWorkflow": "headrace.client.errors",
    "NotReachable": "headrace.client.errors",
    "ReceiveTimedOut": "headrace.engine.programs.python.errors",
    "ResultMismatch": "headrace.client.errors",
    "Settings": "headrace.runtime.settings",
    "SignalMismatch": "headrace.engine.programs.python.errors",
    "SignalRefused": "headrace.engine.programs.python.errors",
    "StartRefused": "headrace.client.errors",
    "TaskFailed": "headrace.engine.programs.python.errors",
    "TimedOut": "headrace.client.errors",
    "WaitTimedOut": "headrace.engine.programs.python.errors",
    "CompensationFailed": "headrace.engine.programs.python.errors",
    "MemoFailed": "headrace.engine.programs.python.errors",
    "WorkflowContext": "headrace.engine.programs.python.context",
    "WorkflowDefinition": "headrace.authoring.workflows",
    "WorkflowFailed": "headrace.client.errors",
    "WorkflowFailure": "headrace.engine.kernel.outcomes",
    "converter": "headrace.payloads.converters",
    "LargeValue": "headrace.payloads.large",
    "ValueTooLarge": "headrace.payloads.large",
    "workflow": "headrace.authoring.workflows",
    # Tasks and what belongs to them.
    "NonRetryable": "headrace.authoring.retry",
    "Retry": "headrace.authoring.retry",
    "Finished": "headrace.authoring.outside",
    "PENDING": "headrace.authoring.outside",
    "async_task": "headrace.authoring.async_tasks",
    "current": "headrace.authoring.task_context",
    "gauge": "headrace.authoring.gauges",
    "listener": "headrace.authoring.listeners",
    "middleware": "headrace.authoring.middleware",
    "resource": "headrace.authoring.resources",
    "task": "headrace.authoring.tasks",
    "trigger": "headrace.authoring.triggers",
}

__all__ = [
    "PENDING",
    "AsyncClient",
    "AsyncHandle",
    "AttachFailed",
    "CallbackFailed",
    "CallbackTimedOut",
    "Cancelled",
    "ChildFailed",
    "Client",
    "ClientError",
    "CommandRefused",
    "CompensationFailed",
    "Finished",
    "Handle",
    "InvalidStart",
    "LargeValue",
    "MemoFailed",
    "NoSuchWorkflow",
    "NonRetryable",
    "NotReachable",
    "ReceiveTimedOut",
    "ResultMismatch",
    "Retry",
    "Settings",
    "SignalMismatch",
    "SignalRefused",
    "StartRefused",
    "TaskFailed",
    "TimedOut",
    "ValueTooLarge",
    "WaitTimedOut",
    "WorkflowContext",
    "WorkflowDefinition",
    "WorkflowFailed",
    "WorkflowFailure",
    "async_task",
    "converter",
    "current",
    "gauge",
    "listener",
    "middleware",
    "resource",
    "task",
    "trigger",
    "workflow",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    value = getattr(importlib.import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
