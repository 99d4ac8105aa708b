"""`@task`: a function that workers run. Plain functions run in threads, async functions on a loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, ParamSpec, TypeVar, Unpack, overload

from headrace.authoring.durations import Duration, duration_ms
from headrace.authoring.names import check_name
from headrace.authoring.outside import Outside
from headrace.authoring.retry import Retry
from headrace.authoring.rule_options import RuleOptions, read_options
from headrace.contracts.retry import RetryPolicy
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.task_versions import UNVERSIONED
from headrace.payloads.signatures import result_type

P = ParamSpec("P")
R = TypeVar("R")
OnRetry = Literal["", "redo", "keep"]
DEFAULT_QUEUE = "default"
DEFAULT_PRIORITY = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskDefinition(Generic[P, R]):
    """A task with its options. Calling it calls the function, here and now, as a plain one.

    Attributes:
        timeout_ms: how long an attempt may take; 0: no limit.
        heartbeat_ms: the longest silence of an attempt between its own heartbeats; 0: no limit.
        priority: 0 to 9, 9 first.
        resource: what it holds `units` of while it runs; empty: nothing.
        capacity: 0: the resource is declared elsewhere.
        rules: what the dispatcher heeds beyond queue and priority.
        pool: the process pool that a plain function runs in; empty: in a thread.
        outside: how an async task's work, which is done outside, is looked after.
        on_retry: what a retry of its workflow does with its result: `redo`, `keep`, or empty.
    """

    name: str
    function: Callable[P, R]
    queue: str = DEFAULT_QUEUE
    priority: int = DEFAULT_PRIORITY
    retry: RetryPolicy | None = None
    timeout_ms: int = 0
    heartbeat_ms: int = 0
    resource: str = ""
    units: int = 0
    capacity: int = 0
    rules: DispatchRules | None = None
    pool: str = ""
    outside: Outside | None = None
    on_retry: str = ""
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note how the function is to be run."""
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return self.function(*args, **kwargs)

    @property
    def version(self) -> str:
        """The version of its code, MAJOR.MINOR; 0 where it says none."""
        return (self.rules.constant.version if self.rules is not None else "") or UNVERSIONED

    @property
    def result_type(self) -> Any:
        """What the function is annotated to return; Any where it does not say."""
        return result_type(self.function)

    @property
    def where(self) -> str:
        """Where the function stands, for people."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(self.function)


@overload
def task(function: Callable[P, R], /) -> TaskDefinition[P, R]: ...
@overload
def task(
    *,
    name: str = "",
    queue: str = DEFAULT_QUEUE,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    heartbeat: Duration | None = None,
    priority: int = DEFAULT_PRIORITY,
    resource: Mapping[str, Any] | None = None,
    pool: str = "",
    on_retry: OnRetry = "",
    **rules: Unpack[RuleOptions],
) -> Callable[[Callable[P, R]], TaskDefinition[P, R]]: ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    queue: str = DEFAULT_QUEUE,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    heartbeat: Duration | None = None,
    priority: int = DEFAULT_PRIORITY,
    resource: Mapping[str, Any] | None = None,
    pool: str = "",
    on_retry: OnRetry = "",
    **rules: Unpack[RuleOptions],
) -> Any:
    """Make a function a task.

    Args:
        function: the function, where the decorator stands without arguments.
        name: the function's own name unless given.
        queue: workers that offer this queue run it.
        retry: none unless given: one attempt.
        timeout: how long an attempt may take: `30s`, `1h30m`, or seconds.
        heartbeat: the longest silence between the attempt's own `current().heartbeat()` calls.
        priority: 0 to 9, 9 first.
        resource: `{"name": ..., "units": 1}`, held while it runs; `capacity` declares the resource as well.
        pool: run the function in a process of the pool with this name, which the worker keeps; its crash fails that
            attempt alone.
        on_retry: what a retry of a failed workflow does with its result: it is taken over where the input is the same,
            unless this is `redo`, which always runs it again, or `keep`, which takes it over whatever the input.
        rules: how it is dispatched: see `RuleOptions`.

    Raises:
        ValueError: an option does not fit.
        TypeError: what is decorated is no function.
    """

    def define(target: Callable[..., Any]) -> TaskDefinition[..., Any]:
        chosen = _checked_name(target, name)
        what = f"task {chosen}"
        if retry is not None and not isinstance(retry, Retry):
            raise TypeError(f"Expected retry of {what} to be a Retry, but found {retry!r}")
        if type(priority) is not int or not 0 <= priority <= 9:
            raise ValueError(f"Expected priority of {what} from 0 to 9, but found {priority!r}")
        held, units, capacity = _resource(resource, what)
        return TaskDefinition(
            name=chosen,
            function=target,
            queue=check_name(queue, f"the queue of {what}"),
            priority=priority,
            retry=retry.policy() if retry is not None else None,
            timeout_ms=duration_ms(timeout, f"timeout of {what}") if timeout is not None else 0,
            heartbeat_ms=duration_ms(heartbeat, f"heartbeat of {what}") if heartbeat is not None else 0,
            resource=held,
            units=units,
            capacity=capacity,
            rules=read_options(chosen, rules),
            pool=_checked_pool(target, pool, what) if pool else "",
            on_retry=checked_on_retry(on_retry, what),
        )

    return define if function is None else define(function)


def _checked_name(target: Any, name: str) -> str:
    if isinstance(target, type | TaskDefinition) or not callable(target):
        raise TypeError(f"Expected @task on a function, but found {target!r}")
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise TypeError(f"Expected @task on a function that returns, but {target.__qualname__} yields")
    return check_name(name or getattr(target, "__name__", ""), f"task {getattr(target, '__qualname__', target)}")


def checked_on_retry(on_retry: str, what: str) -> str:
    """Return what a retry does with a result. Raises ValueError for what is none of it."""
    if on_retry not in ("", "redo", "keep"):
        raise ValueError(f"Expected on_retry of {what} to be redo or keep, but found {on_retry!r}")
    return on_retry


def _checked_pool(target: Any, pool: str, what: str) -> str:
    if inspect.iscoroutinefunction(target):
        raise TypeError(f"Expected {what} to be a plain function, since it names a pool, but it is async")
    if "<locals>" in getattr(target, "__qualname__", ""):
        raise TypeError(f"Expected {what} at the top of its module, where a process of a pool finds it")
    return check_name(pool, f"the pool of {what}")


def _resource(value: Mapping[str, Any] | None, what: str) -> tuple[str, int, int]:
    if value is None:
        return "", 0, 0
    if "name" not in value or not set(value) <= {"name", "units", "capacity"}:
        raise ValueError(f'Expected resource of {what} as {{"name": ..., "units": 1}}, but found {value!r}')
    units, capacity = value.get("units", 1), value.get("capacity", 0)
    for amount, lowest, label in ((units, 1, "units"), (capacity, 0, "capacity")):
        if type(amount) is not int or amount < lowest:
            raise ValueError(f"Expected {label} of {what} to be a whole number from {lowest} on, but found {amount!r}")
    return check_name(value["name"], f"the resource of {what}"), units, capacity
