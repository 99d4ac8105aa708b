"""What `ctx.run` and `ctx.child` take: a task or workflow as the bundle has it, as the user's module has it, or its
name.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

from headrace.contracts.retry import RetryPolicy
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.kernel.requests import RunTask
from headrace.engine.programs.python.rules import rules_for_call, with_versions
from headrace.engine.task_versions import COMPATIBLE

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class TypedTask(Protocol[P, R_co]):
    """A task, for type checkers: what it takes and returns."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def queue(self) -> str:
        """The queue that it waits in."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it."""


class TypedWorkflow(Protocol[P, R_co]):
    """A workflow, for type checkers: what it takes beside `ctx`, and returns."""

    @property
    def name(self) -> str:
        """Its name."""

    def __call__(self, ctx: Any, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run it."""


@runtime_checkable
class TaskTarget(Protocol):
    """A task with its options. Times are in ms; 0 means no limit."""

    name: str
    queue: str
    priority: int
    retry: RetryPolicy | None
    timeout_ms: int
    heartbeat_ms: int
    resource: str
    units: int
    capacity: int
    rules: DispatchRules | None
    on_retry: str


def task_request(
    task: Any,
    index: int,
    data: bytes,
    content_type: str,
    *,
    now_ms: int,
    seed: str,
    task_versions: str = COMPATIBLE,
) -> RunTask:
    """Return the request for a task with its input.

    `index` is its place in a `map`, -1 outside of one; `task_versions` what the workflow says of versions.

    Raises:
        ValueError: an expression of its rules fails, or gives what does not fit.
    """
    if isinstance(task, str):
        return RunTask(node=task, task=task, index=index, input=data, content_type=content_type)
    target: TaskTarget = getattr(task, "stub", task)
    try:
        rules = rules_for_call(target.name, target.rules, data, content_type, now_ms=now_ms, seed=seed)
        return RunTask(
            node=target.name,
            task=target.name,
            index=index,
            input=data,
            content_type=content_type,
            queue=target.queue,
            priority=target.priority,
            timeout_ms=target.timeout_ms,
            heartbeat_ms=target.heartbeat_ms,
            retry=target.retry,
            resource=target.resource,
            units=target.units,
            capacity=target.capacity,
            rules=with_versions(rules, task_versions),
            on_retry=target.on_retry,
        )
    except AttributeError:
        raise TypeError(
            f"Expected a @task function or a task's name, but found {task!r}; decorate the function with @task"
        ) from None


def task_name(task: Any) -> str:
    """Return the name of a task. Raises `TypeError` for what is none."""
    name = task if isinstance(task, str) else getattr(getattr(task, "stub", task), "name", None)
    if not isinstance(name, str):
        raise TypeError(f"Expected a @task function or a task's name, but found {task!r}")
    return name


def child_name(workflow: Any) -> tuple[str, str]:
    """Return the name and version of a child's definition; an empty version means the latest."""
    if isinstance(workflow, str):
        wanted, _, version = workflow.partition("@")
        return wanted, version
    name = getattr(workflow, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"Expected a @workflow function or a workflow's name, but found {workflow!r}")
    return name, ""
