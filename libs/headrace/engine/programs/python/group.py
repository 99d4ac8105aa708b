"""Several coroutines at once, of which the first error ends all."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from headrace.engine.kernel.futures import Fiber, StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled


class Group:
    """Runs coroutines side by side: `results` in their order, or the first error once all the others have ended."""

    def __init__(self, kernel: Kernel, coroutines: list[Awaitable[Any]]) -> None:
        self._kernel = kernel
        self._left = len(coroutines)
        self._results: list[Any] = [None] * len(coroutines)
        self._error: BaseException | None = None
        self._settled: StepFuture[None] = StepFuture(-1)
        self._ended: StepFuture[None] = StepFuture(-1)
        self._fibers: list[Fiber[None]] = [
            kernel.spawn(self._member(at, coroutine)) for at, coroutine in enumerate(coroutines)
        ]

    async def results(self) -> list[Any]:
        """Wait for all; raise the first error after the others were cancelled and have cleaned up."""
        if not self._fibers:
            return []
        try:
            await self._settled
        except Cancelled as cancelled:
            await self._cancel(str(cancelled))
            raise
        if self._error is not None:
            await self._cancel("another of the same group failed")
            raise self._error
        return self._results

    async def _member(self, at: int, coroutine: Awaitable[Any]) -> None:
        try:
            self._results[at] = await coroutine
        except (Exception, Cancelled) as error:  # noqa: BLE001 (kept, and raised to who waits)
            if self._error is None:
                self._error = error
                self._kernel.settle(self._settled, None)
        self._left -= 1
        if not self._left:
            self._kernel.settle(self._settled, None)
            self._kernel.settle(self._ended, None)

    async def _cancel(self, reason: str) -> None:
        for fiber in self._fibers:
            self._kernel.cancel(fiber, reason)
        if self._left:
            await self._ended
