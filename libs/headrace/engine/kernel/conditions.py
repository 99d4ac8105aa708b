"""Predicates that a program waits for: each is asked again whenever the program can only wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.engine.kernel.futures import Future, Ready


class Conditions:
    """Predicates in the order in which they were added, and the futures that end when they hold."""

    __slots__ = ("_open", "asking")

    def __init__(self) -> None:
        self._open: dict[Future[None], Callable[[], Any]] = {}
        self.asking = False
        """Whether a predicate is being asked: it may only look."""

    def __len__(self) -> int:
        return len(self._open)

    def add(self, predicate: Callable[[], Any], ready: Ready) -> Future[None]:
        """Ask a predicate, and keep it unless it holds already."""
        future: Future[None] = Future()
        self._ask(predicate, future, ready)
        if not future.done:
            self._open[future] = predicate
        return future

    def drop(self, future: Future[None]) -> None:
        """Ask a predicate no longer."""
        self._open.pop(future, None)

    def ask(self, ready: Ready) -> bool:
        """Ask all predicates, and end the futures of those that hold; tell whether anybody can go on."""
        for future, predicate in list(self._open.items()):
            self._ask(predicate, future, ready)
            if future.done:
                del self._open[future]
        return bool(ready)

    def _ask(self, predicate: Callable[[], Any], future: Future[None], ready: Ready) -> None:
        self.asking = True
        try:
            holds = bool(predicate())
        except Exception as error:  # noqa: BLE001 (a user's predicate may raise anything: who waits sees it)
            future.settle(ready, error=error)
        else:
            if holds:
                future.settle(ready, None)
        finally:
            self.asking = False
