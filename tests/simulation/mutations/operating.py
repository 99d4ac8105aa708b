"""Rules of pause, resume and retry, taken out."""

from __future__ import annotations

from contextlib import AbstractContextManager

from headrace.engine.carried import Carried
from headrace.engine.run import Run
from tests.simulation.mutations.swapping import swapped


def another_input_is_no_other_step() -> AbstractContextManager[None]:
    """A retried run takes over what was done with another input."""
    return swapped(Carried, "find", lambda find: lambda carried, fingerprint, digest=b"": find(carried, fingerprint))


def time_passes_for_paused_runs() -> AbstractContextManager[None]:
    """The timers of a paused run fire."""
    return swapped(
        Run,
        "has_timer",
        lambda _: (
            lambda run, step, due_at: any(
                found.waits_for_time and found.due_at == due_at for number, found in run.open.items() if number == step
            )
        ),
    )
