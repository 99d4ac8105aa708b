"""One asyncio loop in a thread of its own, for tasks that are async functions."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger("headrace.worker")

# What is cancelled only when the loop closes may still do: nobody waits for it any more.
_LAST_WORDS_S = 1.0


class LoopThread:
    """Runs coroutines side by side. The thread starts with the first one: a worker without async tasks has none.

    A coroutine that is cancelled has `grace_s` to clean up; then it is cancelled again, and so on until it ends.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: dict[object, asyncio.Task[None]] = {}
        self._cancelled: dict[object, None] = {}

    def run(self, key: object, work: Coroutine[Any, Any, None]) -> None:
        """Begin a coroutine, which must not raise."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(self._loop,), name="async-tasks", daemon=True).start()
        self._loop.call_soon_threadsafe(self._begin, key, work, context=contextvars.copy_context())

    def cancel(self, key: object) -> None:
        """Cancel a coroutine, if it runs."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, key)

    def call(self, function: Callable[[], None]) -> None:
        """Call something on the loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function)

    def settle(self) -> None:
        """Wait until what was cancelled has ended, at most the time that it has to clean up."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result()

    def close(self) -> None:
        """Stop the loop; what still runs is cancelled."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _begin(self, key: object, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._running[key] = self._loop.create_task(work)
        task.add_done_callback(lambda _: self._forget(key))

    def _forget(self, key: object) -> None:
        self._running.pop(key, None)
        self._cancelled.pop(key, None)

    def _cancel(self, key: object) -> None:
        task = self._running.get(key)
        if task is None:
            return
        if key in self._cancelled:
            _log.warning("a task that was cancelled has not ended within %g s; cancelled again", self._grace_s)
        self._cancelled[key] = None
        task.cancel()
        asyncio.get_running_loop().call_later(self._grace_s, self._cancel, key)

    async def _settle(self) -> None:
        ending = [self._running[key] for key in self._cancelled if key in self._running]
        if ending:
            await asyncio.wait(ending, timeout=self._grace_s)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST_WORDS_S))
    loop.close()
