"""Calls a listener's function: a plain one in a thread of its own, an async one on the loop that all share."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol

Call = Callable[[Any], Any]


class Caller(Protocol):
    """Runs one function, one call at a time."""

    def call(self, event: Any) -> Future[Any]:
        """Begin a call; whatever the function raises, `SystemExit` included, is in the future."""


class EventLoop:
    """An asyncio loop in a thread. It ends with the process: a stopping service has waited for its calls by then."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine; the loop begins with the first one."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="listeners-async", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


class AsyncCaller:
    """Calls an async function."""

    def __init__(self, function: Call, loop: EventLoop) -> None:
        self._function = function
        self._loop = loop

    def call(self, event: Any) -> Future[Any]:
        """Begin a call."""
        return self._loop.run(self._guarded(event))

    async def _guarded(self, event: Any) -> Any:
        try:
            return await self._function(event)
        except (SystemExit, KeyboardInterrupt) as error:
            # On a loop these would end the loop, and every other listener with it.
            raise RuntimeError(f"Expected a listener to return, but it raised {error!r}") from error


class ThreadCaller:
    """Calls a plain function, in a thread that nobody waits for when the process ends: a function may hang."""

    def __init__(self, function: Call, name: str) -> None:
        self._function = function
        self._waiting: queue.SimpleQueue[tuple[Any, Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, event: Any) -> Future[Any]:
        """Begin a call."""
        future: Future[Any] = Future()
        self._waiting.put((event, future))
        return future

    def _run(self) -> None:
        while True:
            event, future = self._waiting.get()
            try:
                future.set_result(self._function(event))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the listener's failure, not the service's
                future.set_exception(error)


def caller_for(function: Call, name: str, loop: EventLoop) -> Caller:
    """Return what calls a function, by its kind."""
    if inspect.iscoroutinefunction(function):
        return AsyncCaller(function, loop)
    return ThreadCaller(function, f"listener-{name}")
