"""`@gauge`: a figure that workers tell of themselves, beside those of the process and its machine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from headrace.authoring.names import check_name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaugeDefinition:
    """A gauge by name. Calling it asks for the value."""

    name: str
    function: Callable[[], float]

    def __call__(self) -> float:
        """Return the value."""
        return self.function()


def gauge(function: Callable[[], float]) -> GaugeDefinition:
    """Make a function that takes nothing and returns a number a figure of every worker that loads its module.

    It is asked every `HEADRACE_EXECUTION_GAUGE_INTERVAL_MS`, in a thread of its own, and shown by the read API under
    `/workers`. Its name says the unit last: `queue_depth_rows`.

    Raises:
        TypeError: what is decorated is no such function.
    """
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        raise TypeError(f"Expected @gauge on a plain function, but found {function!r}")
    signature = inspect.signature(function)
    try:
        signature.bind()
    except TypeError:
        raise TypeError(f"Expected gauge {function.__qualname__} to take nothing, but found {signature}") from None
    return GaugeDefinition(name=check_name(function.__name__, f"gauge {function.__qualname__}"), function=function)
