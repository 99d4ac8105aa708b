"""Children of a workflow: started at once, awaited whenever it suits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, Literal, TypeVar

from headrace.engine.identity import child_id
from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, Outcome
from headrace.engine.kernel.requests import ABANDON, CancelStep

R = TypeVar("R")
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
    ) -> None:
        self.id = id
        self.name = name
        self._kernel = kernel
        self._future = future
        self._parent_close = parent_close
        self._value = value

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
        if not self._future.done:
            self._kernel.request(CancelStep(node=self.name, step=self._future.step, reason=reason))

    async def _wait(self) -> R:
        try:
            outcome = await self._future
        except Cancelled as cancelled:
            if self._parent_close != ABANDON:
                self.cancel(str(cancelled))
            raise
        return self._value(outcome)


def next_child_id(kernel: Kernel, attempt: int) -> str:
    """Return the id that a child gets at the next step unless it is given one: the same in every replay."""
    first, _, _ = kernel.run_id.partition(".")
    recorded_by = kernel.seed
    if recorded_by.partition(".")[0] != first:
        recorded_by = first
    return child_id(kernel.workflow_id, recorded_by, attempt, kernel.next_step)


def check_parent_close(value: str) -> str:
    """Return what becomes of a child when its parent ends. Raises `ValueError`."""
    if value not in PARENT_CLOSE:
        raise ValueError(f"Expected parent_close to be one of {', '.join(PARENT_CLOSE)}, but found {value!r}")
    return value
