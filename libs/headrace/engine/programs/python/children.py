"""Children of a workflow: started at once, awaited whenever it suits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

import msgspec

from headrace.engine.identity import child_id
from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, Outcome
from headrace.engine.kernel.requests import ABANDON, StartChild
from headrace.engine.programs.python.errors import ChildFailed
from headrace.engine.programs.python.limits import check_size
from headrace.engine.programs.python.payloads import input_payload
from headrace.engine.programs.python.results import child_result
from headrace.engine.programs.python.targets import TypedWorkflow, child_name
from headrace.engine.programs.python.waits import Waits

P = ParamSpec("P")
R = TypeVar("R")
SendSignal = Callable[[str, str, Any], Awaitable[None]]
"""Sends a signal to a workflow by its id, with a name and data."""
ParentClose = Literal["cancel", "terminate", "abandon"]
PARENT_CLOSE = ("cancel", "terminate", "abandon")


class ChildHandle(Generic[R]):
    """A child that was asked for. `await` it for its output; it can be awaited more than once.

    A coroutine that is cancelled while it waits gives the child up, as the parent's end does: by its `parent_close`.
    """

    def __init__(
        self,
        kernel: Kernel,
        future: StepFuture[Outcome],
        *,
        id: str,
        name: str,
        parent_close: str,
        value: Callable[[Outcome], R],
        signal: SendSignal,
    ) -> None:
        self.id = id
        self.name = name
        self._kernel = kernel
        self._future = future
        self._parent_close = parent_close
        self._value = value
        self._signal = signal

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for the child.

        Raises:
            ChildFailed: the child failed, was cancelled or terminated, took too long, or was refused.
        """
        return self._wait().__await__()

    @property
    def done(self) -> bool:
        """Tell whether the child has ended, as far as this workflow has heard."""
        return self._future.done

    def cancel(self, reason: str = "") -> None:
        """Give the child up: it is asked to end, or ended if its `parent_close` is to terminate it. Awaiting it raises
        `ChildFailed` from now on. One that has ended is left alone.
        """
        self._kernel.give_up(self.name, self._future, reason)

    async def signal(self, name: str, data: Any = None) -> None:
        """Send the child a signal, and wait until it is accepted.

        Raises:
            SignalRefused: it does not run, or has too many signals that it has not asked for.
        """
        await self._signal(self.id, name, data)

    async def _wait(self) -> R:
        try:
            outcome = await self._future
        except (Cancelled, Exception) as error:
            if self._parent_close != ABANDON:
                self.cancel(str(error))
            raise
        return self._value(outcome)


class Children(Waits):
    """The part of `ctx` that starts other workflows."""

    @overload
    def child(self, workflow: TypedWorkflow[P, R], *args: P.args, **kwargs: P.kwargs) -> ChildHandle[R]: ...
    @overload
    def child(
        self,
        workflow: TypedWorkflow[..., R],
        *args: Any,
        id: str,
        parent_close: ParentClose = "cancel",
        **kwargs: Any,
    ) -> ChildHandle[R]: ...
    @overload
    def child(
        self, workflow: TypedWorkflow[..., R], *args: Any, parent_close: ParentClose, **kwargs: Any
    ) -> ChildHandle[R]: ...
    @overload
    def child(
        self, workflow: str, *args: Any, id: str = "", parent_close: ParentClose = "cancel", **kwargs: Any
    ) -> ChildHandle[Any]: ...
    # A child whose own input is called `id` or `parent_close` is started by its name, with one value.
    def child(  # type: ignore[misc]
        self, workflow: Any, *args: Any, id: str = "", parent_close: ParentClose = "cancel", **kwargs: Any
    ) -> ChildHandle[Any]:
        """Start a child workflow now, and return its handle: `await` it for the output, or go on and await it later.

        Args:
            workflow: a `@workflow`, or a name, as `name@version` for a version of it.
            args: its input, as one value.
            id: its workflow id; one that nobody uses, unless given.
            parent_close: what becomes of it when this workflow ends before it, or gives it up: `cancel`, `terminate`,
                or `abandon`, which leaves it alone.
            kwargs: its input, as keywords.

        Raises:
            ValueError: `parent_close` is none of these.
        """
        name, version = child_name(workflow)
        data = input_payload(args, kwargs)
        check_size("the input of a child workflow", len(data), self._limits.payload_bytes)
        request = StartChild(
            node=name,
            name=name,
            version=version,
            child_id=id,
            input=data,
            parent_close=_checked_parent_close(parent_close),
        )
        chosen = id or self._kernel.former_child(request) or _next_child_id(self._kernel, self._run.attempt)
        request = msgspec.structs.replace(request, child_id=chosen)

        def value(outcome: Outcome) -> Any:
            if outcome.ok:
                return child_result(workflow, name, outcome)
            raise ChildFailed(outcome.error, outcome.cause, workflow=name, status=outcome.status)

        return ChildHandle(
            self._kernel,
            self._kernel.request(request),
            id=chosen,
            name=name,
            parent_close=parent_close,
            value=value,
            signal=self.signal,
        )


def _next_child_id(kernel: Kernel, attempt: int) -> str:
    """Return the id that a child gets at the next step unless it is given one: the same in every replay."""
    first, _, _ = kernel.run_id.partition(".")
    recorded_by = kernel.seed
    if recorded_by.partition(".")[0] != first:
        recorded_by = first
    return child_id(kernel.workflow_id, recorded_by, attempt, kernel.next_step)


def _checked_parent_close(value: str) -> str:
    """Return what becomes of a child when its parent ends. Raises `ValueError`."""
    if value not in PARENT_CLOSE:
        raise ValueError(f"Expected parent_close to be one of {', '.join(PARENT_CLOSE)}, but found {value!r}")
    return value
