"""One asyncio loop in a thread of its own, for tasks that are async functions."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any


class LoopThread:
    """Runs coroutines side by side. The thread starts with the first one: a worker without async tasks has none."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: dict[object, asyncio.Task[None]] = {}

    def run(self, key: object, work: Coroutine[Any, Any, None]) -> None:
        """Begin a coroutine, which must not raise."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="async-tasks", daemon=True).start()
        self._loop.call_soon_threadsafe(self._begin, key, work, context=contextvars.copy_context())

    def cancel(self, key: object) -> None:
        """Cancel a coroutine, if it runs."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, key)

    def close(self) -> None:
        """Stop the loop; what still runs ends with the process."""
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
