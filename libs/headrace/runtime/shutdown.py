"""Graceful shutdown: one event per process, set by SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_stop = threading.Event()
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> threading.Event:
    """Return the event that SIGTERM and SIGINT set; a second signal ends the process at once, as if nobody listened.

    Handlers are installed only from the main thread, the only one where Python allows it; from another thread the same
    event is returned, and whoever owns the main thread sets it.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, _on_signal)
    return _stop


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _stop.set()
