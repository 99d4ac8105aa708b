"""One asyncio loop in a thread of its own, for tasks that are async functions."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any

# What a cancelled task may take to clean up; one that goes on after that ends with the process.
_LAST_WORDS_S = 1.0


class LoopThread:
    """Runs coroutines side by side. The thread starts with the first one: a worker without async tasks has none."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: dict[object, asyncio.Task[None]] = {}

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

    def close(self) -> None:
        """Stop the loop; what still runs is cancelled."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _begin(self, key: object, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._running[key] = self._loop.create_task(work)
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def _cancel(self, key: object) -> None:
        task = self._running.get(key)
        if task is not None:
            task.cancel()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST_WORDS_S))
    loop.close()
