"""`@workflow`: a durable coroutine in Python.

The function's first parameter is `ctx`; everything that it awaits comes from there. It is published as a bundle
(`headrace.authoring.bundle`) and run by the decision service, so it may use only what a bundle can hold.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from headrace.authoring.names import check_name
from headrace.engine.graph.durations import parse_duration
from headrace.engine.task_versions import COMPATIBLE, check_task_versions
from headrace.payloads.signatures import result_type

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkflowDefinition(Generic[P, R]):
    """A workflow in Python. Calling it calls the function, which is of use in unit tests of its author.

    Attributes:
        timeout_ms: how long a run may take; 0: no limit.
        key: runs under the same key see each other's last result as `ctx.previous`; empty: none.
        task_versions: which versions of its tasks may run them (`headrace.engine.task_versions`).
    """

    name: str
    function: Callable[..., Any]
    timeout_ms: int = 0
    key: str = ""
    task_versions: str = COMPATIBLE

    def __call__(self, ctx: Any, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call the function: returns its coroutine."""
        coroutine: Coroutine[Any, Any, R] = self.function(ctx, *args, **kwargs)
        return coroutine

    @property
    def result_type(self) -> Any:
        """What the function is annotated to return; Any where it does not say."""
        return result_type(self.function)

    @property
    def file(self) -> str:
        """The file that the function stands in."""
        return self.function.__code__.co_filename

    @property
    def line(self) -> int:
        """The line that it begins at, decorators included."""
        return self.function.__code__.co_firstlineno


@overload
def workflow(function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /) -> WorkflowDefinition[P, R]: ...
@overload
def workflow(
    *, name: str = "", timeout: str | None = None, key: str = "", task_versions: str = COMPATIBLE
) -> Callable[[Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]], WorkflowDefinition[P, R]]: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    timeout: str | None = None,
    key: str = "",
    task_versions: str = COMPATIBLE,
) -> Any:
    """Make an async function a workflow.

    Args:
        function: the async function, where the decorator stands without parentheses.
        name: the function's own name unless given.
        timeout: how long a run may take, as `30s`, `5m` or `1h30m`.
        key: runs under the same key see each other's last result as `ctx.previous`.
        task_versions: which versions of its tasks' code may run them: `own` (those that it was deployed with),
            `compatible` (newer ones of the same major, too), or `any`. A task that says no version runs anywhere,
            unless it is `own`.

    Raises:
        ValueError: the name, the time-out or `task_versions` does not fit.
        TypeError: what is decorated is no `async def` with `ctx` as its first parameter.
    """

    def define(target: Callable[..., Any]) -> WorkflowDefinition[..., Any]:
        _check_function(target)
        return WorkflowDefinition(
            name=check_name(name or target.__name__, f"workflow {target.__qualname__}"),
            function=target,
            timeout_ms=parse_duration(timeout) if timeout is not None else 0,
            key=key,
            task_versions=check_task_versions(task_versions),
        )

    return define if function is None else define(function)


def _check_function(target: Callable[..., Any]) -> None:
    if not inspect.isfunction(target) or not inspect.iscoroutinefunction(target):
        raise TypeError(f"Expected @workflow on an async def, but found {_described(target)}")
    parameters = list(inspect.signature(target).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in positional:
        raise TypeError(f"Expected {target.__qualname__} to take ctx as its first parameter, but it takes none")


def _described(target: object) -> str:
    name = getattr(target, "__qualname__", None)
    if inspect.isasyncgenfunction(target):
        return f"{name}, which yields"
    if inspect.isfunction(target):
        return f"{name}, which is a plain function"
    return repr(target)
