"""Several coroutines at once, of which the first error ends all, or the first end."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any

from headrace.engine.kernel.futures import Fiber, Future
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled


class _Members:
    """Runs coroutines side by side, until something settles what they are for."""

    def __init__(self, kernel: Kernel, coroutines: list[Awaitable[Any]]) -> None:
        self._kernel = kernel
        self._left = len(coroutines)
        self._error: BaseException | None = None
        self._settled: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._fibers: list[Fiber[None]] = [
            kernel.spawn(self._member(at, coroutine)) for at, coroutine in enumerate(coroutines)
        ]

    async def _until_settled(self) -> None:
        try:
            await self._settled
        except (Cancelled, Exception) as interrupt:
            await self._cancel(str(interrupt))
            raise

    async def _member(self, at: int, coroutine: Awaitable[Any]) -> None:
        await self._run(at, coroutine)
        self._left -= 1
        if not self._left:
            self._kernel.settle(self._settled, None)
            self._kernel.settle(self._ended, None)

    async def _run(self, at: int, coroutine: Awaitable[Any]) -> None:
        raise NotImplementedError

    async def _cancel(self, reason: str) -> None:
        for fiber in self._fibers:
            self._kernel.cancel(fiber, reason)
        if self._left:
            await self._ended


class Group(_Members):
    """Runs coroutines side by side: `results` in their order, or the first error once all the others have ended."""

    def __init__(self, kernel: Kernel, coroutines: list[Awaitable[Any]]) -> None:
        self._results: list[Any] = [None] * len(coroutines)
        super().__init__(kernel, coroutines)

    async def results(self) -> list[Any]:
        """Wait for all; raise the first error after the others were cancelled and have cleaned up."""
        if not self._fibers:
            return []
        await self._until_settled()
        if self._error is not None:
            await self._cancel("another of the same group failed")
            raise self._error
        return self._results

    async def _run(self, at: int, coroutine: Awaitable[Any]) -> None:
        try:
            self._results[at] = await coroutine
        except (Exception, Cancelled) as error:  # noqa: BLE001 (kept, and raised to who waits)
            if self._error is None:
                self._error = error
                self._kernel.settle(self._settled, None)


class Race(_Members):
    """Runs coroutines side by side: the place and the result of the `first` that ends, once the others have ended."""

    def __init__(self, kernel: Kernel, coroutines: list[Awaitable[Any]]) -> None:
        self._winner: int | None = None
        self._result: Any = None
        super().__init__(kernel, coroutines)

    async def first(self) -> tuple[int, Any]:
        """Wait for the first end; return its place and result, or raise its error."""
        await self._until_settled()
        await self._cancel("another one was first")
        if self._error is not None:
            raise self._error
        assert self._winner is not None
        return self._winner, self._result

    async def _run(self, at: int, coroutine: Awaitable[Any]) -> None:
        if self._winner is not None and inspect.iscoroutine(coroutine):
            # It has not begun: what it would take, a signal say, is left for others.
            coroutine.close()
            return
        try:
            result = await coroutine
        except (Exception, Cancelled) as error:  # noqa: BLE001 (kept, and raised to who waits)
            self._won(at, None, error)
        else:
            self._won(at, result, None)

    def _won(self, at: int, result: Any, error: BaseException | None) -> None:
        if self._winner is None:
            self._winner, self._result, self._error = at, result, error
            self._kernel.settle(self._settled, None)
