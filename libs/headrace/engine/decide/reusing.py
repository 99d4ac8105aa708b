"""A retried run asks for steps: what the run before has of them ends at once, in the order in which that run saw it.

So the code goes the way that it went before, up to what it asks for anew. Of the ends that are taken over, one is
delivered at a time, and what the code asks for then is looked at before the next; the record says in which order.
"""

from __future__ import annotations

from bisect import bisect_left

from headrace.contracts.control_events import StepReused
from headrace.engine.carried import RECEIVED, Carried, CarriedEnd
from headrace.engine.identity import input_digest, signal_digest
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.requests import (
    Attach,
    OpenCallback,
    Request,
    ResumeLoop,
    RunTask,
    SendSignal,
    Sleep,
    StartChild,
)
from headrace.engine.run import ATTACH, CALLBACK, CHILD, SENDING, SIGNAL, TASK, TIMER, Run

REDO = "redo"
KEEP = "keep"
_LATER = 1 << 62
"""Comes after all that is taken over."""


class Ripe:
    """The ends that are recorded and not delivered yet, by their order in the former run."""

    def __init__(self) -> None:
        self.orders: list[int] = []

    def place(self, run: Run, kernel: Kernel, order: int) -> int:
        """Return the place in the record of an end that is taken over."""
        self.orders += [_LATER] * (len(run.log) - kernel.delivered - len(self.orders))
        at = bisect_left(self.orders, order)
        self.orders.insert(at, order)
        return kernel.delivered + at

    def next(self) -> int:
        """Return the order of the end that is delivered next."""
        return self.orders[0] if self.orders else _LATER

    def delivered(self) -> None:
        """Note that the first one was."""
        del self.orders[:1]


def reused(run: Run, kernel: Kernel, ripe: Ripe, step: int, request: Request, now_ms: int) -> StepReused | None:
    """Return the event that ends a request with what the former run has; None where it has nothing that fits."""
    assert run.carried is not None
    kind, task, found, digest = _found(run.carried, request)
    if found is None:
        return None
    return StepReused(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        node=request.node,
        index=request.index,
        kind=kind,
        task=task,
        status=found.outcome.status,
        output=found.data,
        content_type=found.content_type,
        from_run=run.carried.from_run,
        order=found.order,
        position=ripe.place(run, kernel, found.order),
        digest=digest,
        at=now_ms,
    )


def received_again(run: Run, kernel: Kernel, ripe: Ripe, now_ms: int) -> StepReused | None:
    """Return the event of the next signal that the former run got, if it is its turn."""
    assert run.carried is not None
    found = run.carried.next_signal()
    if found is None or found.order > ripe.next():
        return None
    name = found.fingerprint.removeprefix(f"{RECEIVED} ")
    return StepReused(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=SIGNAL,
        node=name,
        kind=RECEIVED,
        task=name,
        status=found.outcome.status,
        output=found.data,
        content_type=found.content_type,
        from_run=run.carried.from_run,
        order=found.order,
        position=ripe.place(run, kernel, found.order),
        at=now_ms,
    )


def _found(carried: Carried, request: Request) -> tuple[str, str, CarriedEnd | None, bytes]:
    """Return the kind of a step, what it is about, what fits it, and the digest of its input."""
    text = request.fingerprint()
    match request:
        case RunTask():
            digest = input_digest(request.input)
            return TASK, request.task, _by_rule(carried, text, digest, request.on_retry), digest
        case StartChild():
            digest = input_digest(request.input)
            return CHILD, request.name, _by_rule(carried, text, digest, request.on_retry), digest
        case SendSignal():
            digest = signal_digest(request.name, request.data)
            return SENDING, request.target, carried.find(text, digest), digest
        case Sleep() if not request.limit:
            return TIMER, "", carried.find(text), b""
        case Attach():
            return ATTACH, request.target, carried.find(text), b""
        case OpenCallback():
            return CALLBACK, "", carried.find(text), b""
        case ResumeLoop():
            return "loop", "", carried.find(text), b""
        case _:
            return "", "", None, b""


def _by_rule(carried: Carried, text: str, digest: bytes, on_retry: str) -> CarriedEnd | None:
    if on_retry == REDO:
        return None
    found = carried.find(text, digest)
    return carried.find(text) if found is None and on_retry == KEEP else found
