"""The kernel of one run: it drives the program's coroutine and numbers what it asks for.

Theory of operation. A program is an async function. Each request that it makes takes the next step number. Requests
up to the length of the record were made before: they are only compared. Later ones are *fresh*: the decider turns
them into events. The ends of steps are delivered in the order of the record, one by one, and after each the coroutine
runs until it can only wait. So a coroutine that was dropped is rebuilt by running it again over the record, and makes
the same requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.identity import input_digest
from headrace.engine.kernel.border import Border
from headrace.engine.kernel.fibers import Fibers
from headrace.engine.kernel.former import CarriedValues, Seeds, seed_at
from headrace.engine.kernel.futures import Fiber, StepFuture
from headrace.engine.kernel.outcomes import CANCELLED, NonDeterministic, Outcome
from headrace.engine.kernel.requests import (
    ABANDON,
    BeginLoop,
    CancelStep,
    ChooseVersion,
    Continue,
    EndNode,
    Publish,
    RecordValue,
    Refuse,
    Request,
    SetSearchAttributes,
    Skip,
    StartChild,
)

_PROGRESS = 1_024
"""Steps of one activation after which its time begins anew."""
_ENDS_AT_ONCE = (
    Skip,
    Refuse,
    EndNode,
    CancelStep,
    RecordValue,
    ChooseVersion,
    SetSearchAttributes,
    Publish,
    BeginLoop,
)


class Kernel(Fibers):
    """Runs one program over one record.

    `recorded` is the list of fingerprints of the run's state: the kernel reads it, the fold appends to it. `now_ms`
    is the time of the input that is being delivered. `mint` makes the token of a callback's step. `seeds` is what
    randomness derives from: the run id, unless steps were taken over from another run. `values` returns the values of
    the record that no step waited for, by step. `border` is what passes
    between program and record; `carried` are the values of the run that this one was retried from.

    `failed_at` is the number of steps that had been asked for at the last delivery that was no success; steps before
    `undone_before` were undone.
    """

    def __init__(
        self,
        *,
        recorded: Sequence[str],
        workflow_id: str,
        run_id: str,
        now_ms: int,
        mint: Callable[[str, str, int], str] | None = None,
        seeds: Seeds = (),
        values: Callable[[], Mapping[int, Outcome]] | None = None,
        progress: Callable[[], None] | None = None,
        most_at_once: int = 0,
        border: Border | None = None,
        carried: CarriedValues | None = None,
    ) -> None:
        super().__init__()
        self.now_ms = now_ms
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.delivered = 0
        self.fresh: deque[tuple[int, Request]] = deque()
        self.open: dict[int, Request] = {}
        self.main: Fiber[Any] | None = None
        self.recorded = recorded
        self.continuing = False
        self.cancelled = False
        self.heard = 0
        self._next = 0
        self._seeds = seeds
        self.carried = carried
        self.failed_at = 0
        self.undone_before = 0
        self.undoing = False
        self._former_children: dict[tuple[str, bytes], int] = {}
        self._read_values = values
        self._values: Mapping[int, Outcome] | None = None
        self._futures: dict[int, StepFuture[Outcome]] = {}
        self._mint = mint
        self._progress = progress
        self._most_at_once = most_at_once
        self._border = border
        self._sealed = border.request if border is not None and border.changes_requests else None
        self._asked = 0

    @property
    def next_step(self) -> int:
        """The number that the next request will take."""
        return self._next

    @property
    def seed(self) -> str:
        """What randomness derives from at the next step: the same in every replay, whatever run replays it."""
        return seed_at(self._seeds, self._next) or self.run_id

    @property
    def next_recorded(self) -> str | None:
        """The fingerprint that the record shows for the next request; None beyond its end."""
        return self.recorded[self._next] if self._next < len(self.recorded) else None

    @property
    def next_value(self) -> Outcome | None:
        """The value that the record holds for the next request; None beyond its end, or where it holds none."""
        if self._next >= len(self.recorded):
            return None
        if self._values is None:
            self._values = self._read_values() if self._read_values is not None else {}
        found = self._values.get(self._next)
        return self._seen(found) if found is not None else None

    def carried_value(self, fingerprint: str) -> Outcome | None:
        """The value that the run before had for the next request; None where there was no such run, or none is left."""
        if self.carried is None or self._next < len(self.recorded) or self.carried.value(fingerprint, 0) is None:
            return None
        passed = sum(1 for _, request in self.fresh if request.fingerprint() == fingerprint)
        found = self.carried.value(fingerprint, passed)
        return self._seen(found) if found is not None else None

    def former_child(self, request: StartChild) -> str:
        """The id that the child had in the run before, where this one was retried; empty where there was none."""
        if self.carried is None:
            return ""
        seen = request if self._border is None else self._border.request(request)
        assert isinstance(seen, StartChild)
        key = (seen.fingerprint(), input_digest(seen.input))
        passed = self._former_children.get(key, 0)
        self._former_children[key] = passed + 1
        return self.carried.child(*key, passed)

    def caught_up(self) -> None:
        """Let go of what only a replay needs."""
        self._read_values = self._values = None

    @property
    def alone(self) -> bool:
        """Tell whether nothing is open, and no coroutine runs but the one that asks."""
        return not self.open and len(self._fibers) == 1

    def request(self, request: Request) -> StepFuture[Outcome]:
        """Ask for a step. The future's value is the step's `Outcome`; a failed step is a value, not an exception.

        Raises:
            NonDeterministic: the record shows another request at this step.
        """
        if self._conditions.asking:
            raise TypeError("Expected a predicate that only looks at values, but it asks for a step; await it outside")
        step = self._next
        self._next += 1
        self._asked += 1
        if not self._asked % _PROGRESS:
            self._get_on()
        if self._sealed is not None:
            request = self._sealed(request)
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
            if isinstance(request, Continue):
                self.continuing = True
        return future

    def go_on(self, request: Continue) -> StepFuture[Outcome]:
        """Ask to go on with a smaller record; what is open is given up. The future never ends."""
        self._give_up_open("the workflow goes on anew")
        return self.request(request)

    def give_up(self, node: str, future: StepFuture[Outcome], reason: str) -> None:
        """Give up an open step; one that has ended is left alone."""
        if not future.done:
            self.request(CancelStep(node=node, step=future.step, reason=reason))

    def token(self, step: int) -> str:
        """Return the token of a callback's step."""
        assert self._mint is not None, "Expected a kernel that can make tokens"
        return self._mint(self.workflow_id, self.run_id, step)

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
        if not outcome.ok:
            self.failed_at = self._next
        if future is not None:
            self.heard += 1
            future.settle(self._ready, self._seen(outcome))
            self._run()

    def deliver_signal(self, name: str, signal: Outcome, at: int) -> None:
        """Deliver a signal: to who waits for it, else into its mailbox."""
        self.now_ms = at
        self._mailboxes.put(name, self.delivered, self._seen(signal), self._ready)
        self.delivered += 1
        self._run()

    def deliver_cancel(self, reason: str, at: int) -> None:
        """Deliver a request to end: raise `Cancelled` in the main coroutine."""
        self.now_ms = at
        self.delivered += 1
        assert self.main is not None
        self.cancelled = True
        self.failed_at = self._next
        self.main.cancel(self._ready, reason)
        self._run()

    def close(self) -> None:
        """Drop the coroutines without running their clean-up for real: what they still ask for goes nowhere."""
        self.recorded = ()
        while self._fibers:  # a clean-up that is not to happen may still begin other coroutines
            fiber, _ = self._fibers.popitem()
            try:
                fiber.close()
            except BaseException:  # noqa: BLE001, S112 (a user's finally block may do anything; nothing of it counts)
                continue

    def _seen(self, outcome: Outcome) -> Outcome:
        """Return an outcome of the record as the program sees it."""
        return outcome if self._border is None else self._border.outcome(outcome)

    def _give_up(self, request: CancelStep) -> None:
        self.open.pop(request.step, None)
        future = self._futures.pop(request.step, None)
        if future is not None:
            future.settle(self._ready, Outcome(CANCELLED, error="headrace.Cancelled", cause=request.reason))

    def _give_up_open(self, reason: str) -> None:
        """Give up what is open, but for children that are to be left alone."""
        for step, request in list(self.open.items()):
            if not (isinstance(request, StartChild) and request.parent_close == ABANDON):
                self.request(CancelStep(node=request.node, index=request.index, step=step, reason=reason))

    def _get_on(self) -> None:
        """Many steps at once take their time, which is no sign of a loop without end; too many are."""
        if self._most_at_once and self._asked > self._most_at_once:
            raise BudgetExceeded(
                f"Expected at most {self._most_at_once} steps at once, but {self.workflow_id} goes on asking for more; "
                "ask for them in parts, or raise HEADRACE_DECISION_STEPS_AT_ONCE"
            )
        if self._progress is not None:
            self._progress()

    def _run(self) -> None:
        self._asked = 0
        ready = self._ready
        while not self.continuing and (ready or (self._conditions and self._conditions.ask(ready))):
            fiber = ready.popleft()
            fiber.step(ready)
            if fiber.done:
                self._fibers.pop(fiber, None)
                if isinstance(fiber.error, NonDeterministic):
                    raise fiber.error
        if self.open and self.main is not None and self.main.done:
            self._give_up_open("the workflow has ended")
            ready.clear()
