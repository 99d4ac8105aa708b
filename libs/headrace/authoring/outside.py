"""Tasks whose work is done outside: submitted once, then asked after. What drives one attempt of them, anywhere.

The handle of what was submitted is kept before it is first polled, so that whoever runs the attempt next polls on. A
worker keeps it in the dispatcher's journal; in a test it is kept nowhere.
"""

from __future__ import annotations

import asyncio
import contextvars
import enum
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Protocol

import msgspec

from headrace.authoring.task_calls import kept_bytes
from headrace.authoring.task_context import current

RETAIN: Final = "retain"
INVALIDATE: Final = "invalidate"


class _Answer(enum.Enum):
    PENDING = "pending"


PENDING: Final = _Answer.PENDING
"""What `poll` returns while there is no result."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What `submit` returns where there is nothing to ask after: the outside has answered at once."""

    result: Any


class AsyncTask(Protocol):
    """What a class under `@async_task` has. Each method may be async; plain ones run in a few threads.

    It may also have `find(self, key) -> handle or None`: what was submitted under a key, if anything was.
    """

    def submit(self, key: str, /, *args: Any, **kwargs: Any) -> Any:
        """Submit the work; return a handle that JSON can hold, or `Finished`."""

    def poll(self, handle: Any, /) -> Any:
        """Return the result, or `PENDING`; raise where the work has failed."""

    def cancel(self, handle: Any, /) -> Any:
        """End the work. It may have ended already, and may be cancelled twice."""


class Keeper(Protocol):
    """Keeps the handle of an attempt."""

    kept: bytes
    """What an earlier run of the attempt has kept; empty where there is nothing."""
    elsewhere: bool
    """Whether another worker goes on with the attempt: what was submitted is then left alone."""
    limit_bytes: int

    def note(self, data: bytes) -> None:
        """Begin to keep a handle."""

    async def until_kept(self) -> None:
        """Wait until it is kept."""


class _Nowhere:
    """Keeps nothing: for tests."""

    kept = b""
    elsewhere = False
    limit_bytes = 1 << 20

    def note(self, data: bytes) -> None:
        """Nobody asks for it."""

    async def until_kept(self) -> None:
        """There is nothing to wait for."""


keeper: contextvars.ContextVar[Keeper | None] = contextvars.ContextVar("headrace_keeper", default=None)
"""Who keeps the handle of the attempt that runs here; None outside of a worker."""


class _Kept(msgspec.Struct, frozen=True):
    """A handle as it is kept, with the version of the code that made it."""

    handle: Any
    version: str


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How the attempts of an async task are driven. One instance of the class serves all of them."""

    make: Callable[[], AsyncTask]
    version: str
    poll_every_s: float
    on_new_version: Literal["retain", "invalidate"]

    @cached_property
    def instance(self) -> AsyncTask:
        """Return the instance, made at the first attempt."""
        return self.make()

    async def attend(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Submit, or go on with what was submitted; return the result. Cancelled, it cancels what it submitted."""
        attempt = _Attempt(self, keeper.get() or _Nowhere())
        try:
            finished = await attempt.begin(args, kwargs)
            if finished is not None:
                return finished.result
            await attempt.keeper.until_kept()
            while (result := await _call(self.instance.poll, attempt.handle)) is PENDING:
                current().heartbeat()
                await asyncio.sleep(self.poll_every_s)
        except asyncio.CancelledError:
            if attempt.is_submitted and not attempt.keeper.elsewhere:
                await _call(self.instance.cancel, attempt.handle)
            raise
        return result


class _Attempt:
    """One attempt: what was submitted for it, and who keeps the handle."""

    def __init__(self, outside: Outside, keeper: Keeper) -> None:
        self.keeper = keeper
        self.handle: Any = None
        self.is_submitted = False
        self._outside = outside

    async def begin(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Finished | None:
        """Have something submitted, and its handle noted; or return what is finished already."""
        outside, key = self._outside, current().idempotency_key
        if self.keeper.kept:
            kept = msgspec.json.decode(self.keeper.kept, type=_Kept)
            if kept.version == outside.version or outside.on_new_version == RETAIN:
                self.handle, self.is_submitted = kept.handle, True
                self.keeper.note(self.keeper.kept)
                return None
            await _call(outside.instance.cancel, kept.handle)
            key = f"{key}@{outside.version}"  # under the old key an idempotent submit would give the old work back
        submission = asyncio.ensure_future(self._submit(key, args, kwargs))
        try:
            return await asyncio.shield(submission)
        except asyncio.CancelledError:
            # It may be submitted by now: only its handle says what is to be cancelled, or polled elsewhere.
            await submission
            raise

    async def _submit(self, key: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Finished | None:
        instance = self._outside.instance
        find = getattr(instance, "find", None)
        handle = await _call(find, key) if find is not None else None
        if handle is None:
            handle = await _call(instance.submit, key, *args, **kwargs)
        if isinstance(handle, Finished):
            return handle
        self.handle, self.is_submitted = handle, True
        try:
            data = kept_bytes(_Kept(handle, self._outside.version), self.keeper.limit_bytes, "handle of a task")
        except ValueError:
            await _call(instance.cancel, handle)
            raise
        self.handle = msgspec.json.decode(data, type=_Kept).handle  # as every later run will see it
        self.keeper.note(data)
        return None


async def _call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    return await asyncio.to_thread(method, *args, **kwargs)
