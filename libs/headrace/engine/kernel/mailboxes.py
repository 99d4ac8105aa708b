"""Signals that a run has got, by name, in the order of the record: each waits until the program asks for it.

Who asks first gets the first. A signal that was handed to somebody who was cancelled before it could look at it goes
back to its place, so that none is lost.
"""

from __future__ import annotations

from bisect import insort
from collections import deque

from headrace.engine.kernel.futures import Future, Ready
from headrace.engine.kernel.outcomes import Outcome


class Receipt(Future[Outcome | None]):
    """The future of one signal; None when it is no longer waited for."""

    __slots__ = ("name", "number")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.number = -1


class Mailboxes:
    """The signals of one run that nobody has taken yet, and who waits for which."""

    __slots__ = ("_receivers", "_unread")

    def __init__(self) -> None:
        self._unread: dict[str, list[tuple[int, Outcome]]] = {}
        self._receivers: dict[str, deque[Receipt]] = {}

    def unread(self) -> list[int]:
        """Return the numbers of the signals that nobody has taken, in order."""
        return sorted(number for box in self._unread.values() for number, _ in box)

    def __len__(self) -> int:
        return sum(map(len, self._unread.values()))

    def put(self, name: str, number: int, signal: Outcome, ready: Ready) -> None:
        """Take in a signal. `number` is its place in the record."""
        receivers = self._receivers.get(name)
        if receivers:
            receipt = receivers.popleft()
            receipt.number = number
            receipt.settle(ready, signal)
        else:
            insort(self._unread.setdefault(name, []), (number, signal), key=lambda unread: unread[0])

    def receive(self, name: str, ready: Ready) -> Receipt:
        """Ask for the next signal of a name."""
        receipt = Receipt(name)
        box = self._unread.get(name)
        if box:
            receipt.number, signal = box.pop(0)
            receipt.settle(ready, signal)
        else:
            self._receivers.setdefault(name, deque()).append(receipt)
        return receipt

    def withdraw(self, receipt: Receipt, ready: Ready) -> None:
        """Wait no longer. What was handed out already goes back, to the next who waits or to its place."""
        if not receipt.done:
            self._receivers[receipt.name].remove(receipt)
            receipt.settle(ready, None)
        elif (signal := receipt.result()) is not None:
            self.put(receipt.name, receipt.number, signal, ready)
