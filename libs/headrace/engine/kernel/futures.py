"""Awaitables of the kernel: futures, and fibers, which are coroutines that the kernel drives.

A miniature of what asyncio has, without its clock, its threads and its arbitrary order: what is ready runs first
come, first served, and nothing is ready but by the record.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

from headrace.engine.kernel.outcomes import Cancelled

T = TypeVar("T")
_CLOSINGS = 16
"""How often a coroutine is closed that awaits in its finally blocks: as deep as these are nested, and then some."""
Ready = deque["Fiber[Any]"]


class Future(Generic[T]):
    """A value that comes later. `await` it in a program."""

    __slots__ = ("_error", "_value", "done", "waiters")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self.waiters: list[Fiber[Any]] = []

    def __await__(self) -> Generator[Future[Any], None, T]:
        if not self.done:
            yield self
        return self.result()

    def result(self) -> T:
        """Return the value, or raise the error; only after `done`."""
        assert self.done, "Expected a future that is done"
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    @property
    def error(self) -> BaseException | None:
        """The error that the future ended with, if any."""
        return self._error

    def settle(self, ready: Ready, value: T | None = None, error: BaseException | None = None) -> None:
        """End the future and make those who wait for it ready. A second end changes nothing."""
        if self.done:
            return
        self.done = True
        self._value = value
        self._error = error
        waiters, self.waiters = self.waiters, []
        ready.extend(waiters)


class StepFuture(Future[T]):
    """The future of a step; `step` is its number."""

    __slots__ = ("step",)

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step


class Fiber(Future[T]):
    """A coroutine that the kernel drives; itself a future of what the coroutine returns."""

    __slots__ = ("_interrupt", "awaiting", "coroutine")

    def __init__(self, coroutine: Coroutine[Any, None, T]) -> None:
        super().__init__()
        self.coroutine = coroutine
        self.awaiting: Future[Any] | None = None
        self._interrupt: BaseException | None = None

    def step(self, ready: Ready) -> None:
        """Run the coroutine to its next await that has to wait, or to its end."""
        if self.done:
            return
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is None and self.awaiting is not None and not self.awaiting.done:
            return
        self.awaiting = None
        try:
            awaited = self.coroutine.throw(interrupt) if interrupt else self.coroutine.send(None)
        except StopIteration as stop:
            self.settle(ready, value=stop.value)
        except (Exception, Cancelled) as error:  # noqa: BLE001 (whatever a coroutine raises is its end)
            self.settle(ready, error=error)
        else:
            self._wait_for(awaited, ready)

    def cancel(self, ready: Ready, reason: str = "") -> None:
        """Raise `Cancelled` in the coroutine, where it waits now."""
        self.interrupt(ready, Cancelled(reason))

    def interrupt(self, ready: Ready, error: BaseException) -> None:
        """Raise an error in the coroutine, where it waits now; not while another one is on its way."""
        if not self.done and self._interrupt is None:
            self._interrupt = error
            ready.append(self)

    def close(self) -> None:
        """Drop the coroutine. What it was given to await, and did not come to, would complain that nobody did."""
        if inspect.getcoroutinestate(self.coroutine) == inspect.CORO_CREATED:
            for given in inspect.getcoroutinelocals(self.coroutine).values():
                if inspect.iscoroutine(given):
                    given.close()
        for _ in range(_CLOSINGS):
            try:
                self.coroutine.close()
            except RuntimeError:
                # It awaits in a finally block. Python itself would come to that again, and complain.
                continue
            return

    def _wait_for(self, awaited: object, ready: Ready) -> None:
        if not isinstance(awaited, Future):
            self._interrupt = TypeError(
                f"Expected an await on the workflow's ctx, but found {awaited!r}; asyncio and other libraries' "
                "awaitables do not work in a workflow: use ctx.run, ctx.map, ctx.sleep and the like"
            )
            ready.append(self)
            return
        self.awaiting = awaited
        if awaited.done:
            ready.append(self)
        else:
            awaited.waiters.append(self)
