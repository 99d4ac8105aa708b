"""Mutations of how runs go on with a smaller record, and of what undoes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.engine.decide import continuing
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.programs.python.compensations import Saga
from headrace.engine.programs.python.loops import Loop
from tests.simulation.mutations.swapping import swapped


def signals_come_again() -> AbstractContextManager[None]:
    """A signal that was taken is there again after the run has gone on."""
    return swapped(continuing, "_dropped_signals", lambda _: lambda run, kernel, request: [])


def unread_signals_are_lost() -> AbstractContextManager[None]:
    """A signal that nobody has taken does not go along."""

    def make(_: Any) -> Any:
        return lambda run, kernel, request: [at for at, end in enumerate(run.log) if end.step < -1]

    return swapped(continuing, "_dropped_signals", make)


def chance_begins_anew() -> AbstractContextManager[None]:
    """What was drawn before a loop comes out otherwise after the run has gone on."""
    return swapped(Kernel, "seed", lambda _: property(lambda kernel: kernel.run_id))


def loops_go_on_beside_others() -> AbstractContextManager[None]:
    """A loop goes on with its state while something else is open: that is given up, though nobody asked for it."""
    return swapped(Kernel, "alone", lambda _: property(lambda kernel: True))


def compensations_leave_with_the_record() -> AbstractContextManager[None]:
    """A loop goes on with its state though something was registered in it: a replay does not know of that."""

    def make(original: Any) -> Any:
        def may(loop: Loop[Any]) -> bool:
            loop._registered = len(loop._saga)
            return bool(original(loop))

        return may

    return swapped(Loop, "_may_go_on_anew", make)


def what_is_done_is_undone_in_order() -> AbstractContextManager[None]:
    """What was reserved first is given back first."""

    def make(original: Any) -> Any:
        async def undo(saga: Saga) -> Any:
            saga._registered.reverse()
            return await original(saga)

        return undo

    return swapped(Saga, "_undo", make)
