"""What the processes of a worker's pools need: the modules of its pooled tasks and middleware, and the limits."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.authoring.middleware import MiddlewareDefinition
from headrace.authoring.tasks import TaskDefinition
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.runtime.settings import InvalidSettings
from headrace_execution.worker.pool_messages import Module, Prepare
from headrace_execution.worker.pools import Pools


def pools_of(
    tasks: Iterable[TaskDefinition[..., Any]],
    middleware: Sequence[MiddlewareDefinition],
    execution: ExecutionSettings,
    *,
    payload_bytes: int,
    cause_bytes: int,
) -> Pools | None:
    """Return the pools for the tasks that name one; None where none does. Processes start with the first attempt.

    Raises:
        InvalidSettings: a size is none.
    """
    sizes = named_numbers(execution.pools, "pools")
    functions = [task.function for task in tasks if task.pool]
    if not functions:
        return None
    modules = dict.fromkeys(_module_of(each) for each in (*functions, *(each.function for each in middleware)))
    prepare = Prepare(
        path=list(sys.path),
        modules=list(modules),
        middleware=[each.name for each in middleware],
        payload_bytes=payload_bytes,
        cause_bytes=cause_bytes,
        line_bytes=execution.log_line_limit_bytes,
        note_bytes=execution.note_limit_bytes,
    )
    return Pools(prepare, sizes, cancel_grace_s=execution.cancel_grace_ms / 1_000)


def named_numbers(text: str, setting: str) -> Mapping[str, int]:
    """Return `a=2, b=3` as numbers by name; a name alone has 0.

    Raises:
        InvalidSettings: something else stands there.
    """
    numbers: dict[str, int] = {}
    for part in (part.strip() for part in text.split(",")):
        name, given, number = (piece.strip() for piece in part.partition("="))
        if given and not (number.isdecimal() and int(number) > 0):
            raise InvalidSettings(
                f"Expected HEADRACE_EXECUTION_{setting.upper()} as name=number, name=number, but found {part!r}"
            )
        if name:
            numbers[name] = int(number) if given else 0
    return numbers


def _module_of(function: Any) -> Module:
    module = sys.modules[function.__module__]
    return Module(name=module.__name__, file=getattr(module, "__file__", None) or "")
