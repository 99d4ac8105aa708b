"""How much one evaluation may take. These limits count, so they fall at the same place on every machine and in every
replay.

Time is limited elsewhere (`headrace.engine.budget`): it differs from run to run, and only ever makes a workflow STUCK.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one evaluation."""

    # Twice what a hand-written recursion over a document needs; 1,000 nested evaluations take some 5,000 Python frames.
    depth: int = 1_000
    # Functions that call functions (`$map`, `$sort`...) inside each other: these take the C stack, of which Python 3.12
    # allows little. No document is nested as deeply.
    callbacks: int = 60
    # About ten seconds of evaluation: far beyond the time budget, and an end where there is no time budget.
    steps: int = 5_000_000
    # A list or an object that is larger can not be a result anyway: a result is at most 1 MiB of JSON.
    items: int = 1_000_000
    # Room to build and then cut a text of payload size; twenty doublings of a byte end here.
    characters: int = 8 * 1024 * 1024
    # The payload limit: what does not fit into a record can not be a task's input.
    result_bytes: int = 1_048_576
    # Bits of an exact integer: the range of a double, as in JSON everywhere else.
    integer_bits: int = 1_024


DEFAULT_LIMITS = Limits()
