"""What is said of an exception in an author's code: the reason, then the traceback from where their own code begins."""

from __future__ import annotations

import traceback
from types import FrameType

_OURS = ("headrace.", "headrace_", "asyncio.", "concurrent.")
_FRAMES = 8
"""Frames that are shown, the last ones: an author looks for where it happened, and causes have a limit."""


def cause_of(error: BaseException) -> str:
    """Return the reason on the first lines and, after an empty one, where it came from."""
    reason = "".join(traceback.format_exception_only(error)).strip()
    trace = _authors_traceback(error)
    return reason if trace == reason else f"{reason}\n\n{trace}"


def _authors_traceback(error: BaseException) -> str:
    """Return a traceback without the frames that led to the author's code: how we came there is nobody's concern."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace, limit=-_FRAMES)).strip()


def _is_ours(frame: FrameType) -> bool:
    # A deployed bundle has a module name of ours, but the file name of a text: `<app.py as deployed, ...>`.
    name = str(frame.f_globals.get("__name__", ""))
    return name.startswith(_OURS) and not frame.f_code.co_filename.startswith("<")
