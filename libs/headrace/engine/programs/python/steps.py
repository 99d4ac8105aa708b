"""What the parts of `ctx` share: the run, its kernel, and how a step is waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from headrace.engine.graph.durations import parse_duration
from headrace.engine.kernel.futures import Fiber, StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, Outcome
from headrace.engine.kernel.requests import Sleep
from headrace.engine.programs.program import RunInfo
from headrace.engine.programs.python.limits import PythonLimits

Duration = str | float | timedelta
"""A text like `5m` or `1h30m`, a number of seconds, or a `timedelta`."""


class Steps:
    """The base of the parts of `ctx`."""

    _limits: PythonLimits

    def __init__(self, run: RunInfo, kernel: Kernel) -> None:
        self._run = run
        self._kernel = kernel

    async def _step(self, future: StepFuture[Outcome], node: str) -> Outcome:
        """Wait for a step; give it up when the wait is interrupted."""
        try:
            return await future
        except (Cancelled, Exception) as error:
            self._kernel.give_up(node, future, str(error))
            raise


class Deadline:
    """A timer beside a wait: `on_time` is called when it fires before the wait is over. None: no timer at all."""

    def __init__(self, kernel: Kernel, node: str, timeout: Duration | None, on_time: Callable[[], None]) -> None:
        self.late = False
        self._kernel = kernel
        self._node = node
        self._on_time = on_time
        self._timer: StepFuture[Outcome] | None = None
        self._watch: Fiber[None] | None = None
        if timeout is not None:
            self._timer = kernel.request(Sleep(node=node, duration_ms=duration_ms(timeout)))
            self._watch = kernel.spawn(self._fire(self._timer))

    def stop(self) -> None:
        """The wait is over: give the timer up."""
        if self._timer is not None and self._watch is not None and not self._timer.done:
            self._kernel.drop(self._watch)
            self._kernel.give_up(self._node, self._timer, "the wait is over")

    async def _fire(self, timer: StepFuture[Outcome]) -> None:
        if (await timer).ok:
            self.late = True
            self._on_time()


def duration_ms(duration: Duration) -> int:
    """Return a duration in milliseconds; one that is negative is none."""
    if isinstance(duration, str):
        return parse_duration(duration)
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    return max(0, int(seconds * 1000))
