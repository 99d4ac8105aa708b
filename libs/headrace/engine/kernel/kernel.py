"""The kernel of one run: it drives the program's coroutine and numbers what it asks for.

Theory of operation. A program is an async function. Each request that it makes takes the next step number. Requests
up to the length of the record were made before: they are only compared. Later ones are *fresh*: the decider turns
them into events. The ends of steps are delivered in the order of the record, one by one, and after each the coroutine
runs until it can only wait. So a coroutine that was dropped is rebuilt by running it again over the record, and makes
the same requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from headrace.engine.kernel.futures import Fiber, Ready, StepFuture
from headrace.engine.kernel.outcomes import CANCELLED, NonDeterministic, Outcome
from headrace.engine.kernel.requests import CancelStep, EndNode, Refuse, Request, Skip

T = TypeVar("T")
_ENDS_AT_ONCE = (Skip, Refuse, EndNode, CancelStep)


class Kernel:
    """Runs one program over one record.

    `recorded` is the list of fingerprints of the run's state: the kernel reads it, the fold appends to it. `now_ms`
    is the time of the input that is being delivered. `seed` is what randomness derives from: the run id.
    """

    def __init__(self, *, recorded: Sequence[str], workflow_id: str, run_id: str, now_ms: int) -> None:
        self.now_ms = now_ms
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.delivered = 0
        self.fresh: deque[tuple[int, Request]] = deque()
        self.open: dict[int, Request] = {}
        self.main: Fiber[Any] | None = None
        self.recorded = recorded
        self._next = 0
        self._futures: dict[int, StepFuture[Outcome]] = {}
        self._ready: Ready = deque()

    @property
    def next_step(self) -> int:
        """The number that the next request will take; a stable seed within a run."""
        return self._next

    def request(self, request: Request) -> StepFuture[Outcome]:
        """Ask for a step. The future's value is the step's `Outcome`; a failed step is a value, not an exception.

        Raises:
            NonDeterministic: the record shows another request at this step.
        """
        step = self._next
        self._next += 1
        if step >= len(self.recorded):
            self.fresh.append((step, request))
        elif self.recorded[step] != request.fingerprint():
            raise NonDeterministic(
                f"Expected step {step} to be [{self.recorded[step]}], as recorded, but the code asks for "
                f"[{request.fingerprint()}]; deploy code that makes the recorded steps, or terminate the workflow"
            )
        future: StepFuture[Outcome] = StepFuture(step)
        if isinstance(request, CancelStep):
            self._give_up(request)
        if isinstance(request, _ENDS_AT_ONCE):
            future.settle(self._ready, Outcome(request.status if isinstance(request, (Skip, EndNode)) else CANCELLED))
        else:
            self.open[step] = request
            self._futures[step] = future
        return future

    def spawn(self, coroutine: Coroutine[Any, None, T]) -> Fiber[T]:
        """Start a coroutine beside the one that asks. It first runs when its starter waits."""
        fiber = Fiber(coroutine)
        self._ready.append(fiber)
        return fiber

    def cancel(self, fiber: Fiber[Any], reason: str = "") -> None:
        """Raise `Cancelled` in a fiber, where it waits."""
        fiber.cancel(self._ready, reason)

    def settle(self, future: StepFuture[T], value: T) -> None:
        """End a future that a program made for itself."""
        future.settle(self._ready, value)

    def start(self, coroutine: Coroutine[Any, None, Any]) -> None:
        """Begin the program and run it until it can only wait."""
        self.main = self.spawn(coroutine)
        self._run()

    def deliver(self, step: int, outcome: Outcome, at: int) -> None:
        """Deliver the next end of the record, and run the program until it can only wait."""
        self.now_ms = at
        self.delivered += 1
        future = self._futures.pop(step, None)
        self.open.pop(step, None)
        if future is not None:
            future.settle(self._ready, outcome)
            self._run()

    def deliver_cancel(self, reason: str, at: int) -> None:
        """Deliver a request to end: raise `Cancelled` in the main coroutine."""
        self.now_ms = at
        self.delivered += 1
        assert self.main is not None
        self.main.cancel(self._ready, reason)
        self._run()

    def close(self) -> None:
        """Drop the coroutines without running their clean-up for real: what they still ask for goes nowhere."""
        self.recorded = ()
        fibers = [*self._ready, *(w for f in self._futures.values() for w in f.waiters)]
        if self.main is not None:
            fibers.append(self.main)
        for fiber in fibers:
            try:
                fiber.coroutine.close()
            except BaseException:  # noqa: BLE001, S112 (a user's finally block may do anything; nothing of it counts)
                continue

    def _give_up(self, request: CancelStep) -> None:
        self.open.pop(request.step, None)
        future = self._futures.pop(request.step, None)
        if future is not None:
            future.settle(self._ready, Outcome(CANCELLED, error="headrace.Cancelled", cause=request.reason))

    def _run(self) -> None:
        ready = self._ready
        while ready:
            fiber = ready.popleft()
            fiber.step(ready)
            if isinstance(fiber.error, NonDeterministic):
                raise fiber.error
