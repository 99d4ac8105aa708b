"""The part of `ctx` that runs several coroutines at once."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

from headrace.engine.kernel.futures import Fiber
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, NonDeterministic
from headrace.engine.programs.program import RunInfo
from headrace.engine.programs.python.group import Group, Race
from headrace.engine.programs.python.steps import Steps

T = TypeVar("T")


class Together(Steps):
    """Several coroutines at once."""

    def __init__(self, run: RunInfo, kernel: Kernel) -> None:
        super().__init__(run, kernel)
        self._spawned: dict[Spawned[Any], None] = {}

    async def gather(self, *awaitables: Awaitable[Any]) -> list[Any]:
        """Wait for several at once, and return their results in order. The first failure cancels the others and is
        raised.
        """
        return await Group(self._kernel, list(awaitables)).results()

    async def race(self, *awaitables: Awaitable[Any], **named: Awaitable[Any]) -> tuple[Any, Any]:
        """Wait for the first of several, and return which it was and its result. The others are cancelled, and waited
        for.

        Which: its place, from 0, or its name where they are given by name:
        `which, value = await ctx.race(answer=ctx.receive("answer"), late=ctx.sleep("1d"))`.
        If the first one fails, its error is raised.
        """
        if bool(awaitables) == bool(named):
            raise TypeError(
                f"Expected awaitables to race, either in order or by name, but found {len(awaitables)} in order and "
                f"{len(named)} by name"
            )
        names: list[Any] = list(named) or list(range(len(awaitables)))
        at, value = await Race(self._kernel, [*awaitables, *named.values()]).first()
        return names[at], value

    def spawn(self, awaitable: Awaitable[T]) -> Spawned[T]:
        """Run a coroutine beside this one; await what this returns for its result, or cancel it.

        An error that nobody waits for is raised in the workflow's own coroutine, where it waits then. What still runs
        when the workflow's function returns is cancelled, and waited for.
        """
        spawned = Spawned(self._kernel, awaitable, self._spawned)
        self._spawned[spawned] = None
        return spawned

    async def stop_spawned(self) -> None:
        """Cancel what still runs beside the workflow's function, which has ended, and wait for it."""
        while self._spawned:
            for spawned in list(self._spawned):
                spawned.cancel("the workflow's function has ended")
            for spawned in list(self._spawned):
                await spawned.ended()


class Spawned(Generic[T]):
    """A coroutine that runs beside the others. Await it for its result."""

    def __init__(self, kernel: Kernel, awaitable: Awaitable[T], running: dict[Spawned[Any], None]) -> None:
        self._kernel = kernel
        self._running = running
        self._waiting: Awaitable[T] | None = awaitable
        self._fiber: Fiber[T] = kernel.spawn(self._run(awaitable))

    def __await__(self) -> Generator[Any, None, T]:
        return self._fiber.__await__()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._fiber.done

    def cancel(self, reason: str = "") -> None:
        """Ask it to end: it may clean up. One that has not begun yet does not."""
        self._kernel.cancel(self._fiber, reason)
        if inspect.iscoroutine(self._waiting):
            self._waiting.close()

    async def ended(self) -> None:
        """Wait until it has ended, however it does."""
        try:
            await self._fiber
        except Cancelled:
            if not self._fiber.done:
                raise
        finally:
            self._running.pop(self, None)

    async def _run(self, awaitable: Awaitable[T]) -> T:
        self._waiting = None
        try:
            return await awaitable
        except NonDeterministic:
            raise
        except Exception as error:
            main = self._kernel.main
            if main is not None and not any(waiter.awaiting is self._fiber for waiter in self._fiber.waiters):
                self._kernel.interrupt(main, error)
            raise
        finally:
            self._running.pop(self, None)
