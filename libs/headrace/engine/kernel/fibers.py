"""The coroutines of one program, and what they wait for that is no step: each other, signals, predicates."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from headrace.engine.kernel.conditions import Conditions
from headrace.engine.kernel.futures import Fiber, Future, Ready
from headrace.engine.kernel.mailboxes import Mailboxes, Receipt

T = TypeVar("T")


class Fibers:
    """Coroutines that run until they can only wait, first come, first served."""

    def __init__(self) -> None:
        self._ready: Ready = deque()
        self._fibers: dict[Fiber[Any], None] = {}
        self._mailboxes = Mailboxes()
        self._conditions = Conditions()

    def spawn(self, coroutine: Coroutine[Any, None, T]) -> Fiber[T]:
        """Start a coroutine beside the one that asks. It first runs when its starter waits."""
        fiber = Fiber(coroutine)
        self._fibers[fiber] = None
        self._ready.append(fiber)
        return fiber

    def cancel(self, fiber: Fiber[Any], reason: str = "") -> None:
        """Raise `Cancelled` in a fiber, where it waits."""
        fiber.cancel(self._ready, reason)

    def drop(self, fiber: Fiber[Any]) -> None:
        """End a fiber that nobody waits for, without running it."""
        self._fibers.pop(fiber, None)
        fiber.coroutine.close()
        fiber.settle(self._ready)

    def interrupt(self, fiber: Fiber[Any], error: BaseException) -> None:
        """Raise an error in a fiber, where it waits."""
        fiber.interrupt(self._ready, error)

    def settle(self, future: Future[T], value: T) -> None:
        """End a future that a program made for itself."""
        future.settle(self._ready, value)

    def receive(self, name: str) -> Receipt:
        """Ask for the next signal of a name: no step of its own, since the record says when each came."""
        return self._mailboxes.receive(name, self._ready)

    def withdraw(self, receipt: Receipt) -> None:
        """Wait for a signal no longer; one that was handed out already is there for others."""
        self._mailboxes.withdraw(receipt, self._ready)

    @property
    def unread(self) -> list[int]:
        """The places in the record of the signals that nobody has asked for."""
        return self._mailboxes.unread()

    def until(self, predicate: Callable[[], Any]) -> Future[None]:
        """Return a future that ends when a predicate holds: it is asked now, and after every delivery."""
        return self._conditions.add(predicate, self._ready)

    def give_up_condition(self, future: Future[None]) -> None:
        """Ask a predicate no longer, and end its future."""
        self._conditions.drop(future)
        future.settle(self._ready)
