"""What an evaluation may know of the world: the command's time, a seed, and its limits. Nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.engine.expressions.library import Jsonata
from headrace.engine.expressions.limits import Limits
from headrace.engine.expressions.random_stream import RandomStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of one evaluation.

    Attributes:
        now_ms: the command's time, in milliseconds since the epoch.
        random: this evaluation's own stream of random numbers.
    """

    now_ms: int
    random: RandomStream
    limits: Limits


def current() -> Context:
    """Return the context of the evaluation that runs in this thread; the library keeps one for each thread."""
    context: Context = Jsonata.CURRENT.jsonata.context
    return context
