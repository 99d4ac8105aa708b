"""How `headrace dev` is asked to stop: SIGINT, SIGTERM or SIGHUP; asked twice, it stops waiting."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """A signal asked us to stop. Not an Exception: nothing on the way should take it for an error."""


class StopSignals:
    """The first signal raises StopRequested in the main thread, wherever it is; later ones only make us impatient."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._asked = 0
        self._is_stopping = False

    def begin_stopping(self) -> None:
        """From here on no signal raises: the way down must not be cut short halfway."""
        self._is_stopping = True

    def is_impatient(self) -> bool:
        """Whether somebody has asked more than once."""
        return self._asked > 1

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The handler of all three signals."""
        self._asked += 1
        if not self._is_stopping:
            self._is_stopping = True
            raise StopRequested


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handle the signals inside the `with` block, and give them back after it."""
    signals = StopSignals()
    before = {number: signal.signal(number, signals.receive) for number in _SIGNALS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
