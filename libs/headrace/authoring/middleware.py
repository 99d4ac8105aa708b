"""`@middleware`: what runs around every call of a task: before it, after it, and when it fails.

A middleware is a generator function that yields once. It is the same for plain functions, async functions and functions
in a pool: the task runs at its `yield`, in the same thread, loop or process, and what the task raises is raised there.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from headrace.authoring.names import check_name
from headrace.authoring.task_calls import Replaced, bound, fitted
from headrace.authoring.task_context import TaskContext, current
from headrace.contracts.task_events import TaskScheduled


@dataclass(slots=True, kw_only=True)
class TaskCall:
    """One call of a task, as middleware sees it.

    Attributes:
        task: the task's name.
        context: what `current()` is within the task.
        args: what the function will be called with; may be changed before the `yield`.
        kwargs: the same by keyword: a middleware may add what the input does not have, a connection or a secret.
        result: what the function has returned, after the `yield`; may be replaced.
    """

    task: str
    context: TaskContext
    args: list[Any]
    kwargs: dict[str, Any]
    result: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MiddlewareDefinition:
    """A middleware by name; calling it gives the context manager that surrounds one call."""

    name: str
    function: Callable[[TaskCall], Iterator[None]]
    around: Callable[[TaskCall], AbstractContextManager[None]] = field(init=False)

    def __post_init__(self) -> None:
        """Make the function a context manager."""
        object.__setattr__(self, "around", contextmanager(self.function))


def middleware(function: Callable[[TaskCall], Iterator[None]]) -> MiddlewareDefinition:
    """Make a generator function run around every call of a task on the workers that load its module.

    The first in a module is the outermost one; modules follow one another as they are named on the command line.

    Raises:
        TypeError: what is decorated is no plain generator function.
    """
    if not inspect.isgeneratorfunction(function):
        raise TypeError(f"Expected @middleware on a generator function that yields once, but found {function!r}")
    name = check_name(function.__name__, f"middleware {function.__qualname__}")
    return MiddlewareDefinition(name=name, function=function)


def call_plain(function: Callable[..., Any], task: TaskScheduled, chain: Sequence[MiddlewareDefinition]) -> Any:
    """Call a task's function with its input, within a chain of middleware. What that has put in place of the result is
    `Replaced`.

    Raises:
        InputMismatch: the input, with what middleware has added, does not fit the parameters.
    """
    args, kwargs = bound(function, task, may_be_none=bool(chain))
    if not chain:
        args, kwargs = fitted(function, task, args, kwargs)
        return _finished(function(*args, **kwargs))
    call = TaskCall(task=task.task, context=current(), args=args, kwargs=kwargs)
    value: Any = None
    with ExitStack() as stack:
        for each in chain:
            stack.enter_context(each.around(call))
        args, kwargs = fitted(function, task, call.args, call.kwargs)
        value = call.result = _finished(function(*args, **kwargs))
    return value if call.result is value else Replaced(call.result)


async def call_async(function: Callable[..., Any], task: TaskScheduled, chain: Sequence[MiddlewareDefinition]) -> Any:
    """Await a task's async function with its input, within a chain of middleware. Raises as `call_plain`."""
    args, kwargs = bound(function, task, may_be_none=bool(chain))
    if not chain:
        args, kwargs = fitted(function, task, args, kwargs)
        return await function(*args, **kwargs)
    call = TaskCall(task=task.task, context=current(), args=args, kwargs=kwargs)
    value: Any = None
    with ExitStack() as stack:
        for each in chain:
            stack.enter_context(each.around(call))
        args, kwargs = fitted(function, task, call.args, call.kwargs)
        value = call.result = await function(*args, **kwargs)
    return value if call.result is value else Replaced(call.result)


def _finished(value: Any) -> Any:
    """Return what a plain function has returned; a coroutine that it made is run to its end."""
    return asyncio.run(value) if inspect.iscoroutine(value) else value
