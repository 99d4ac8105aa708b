"""What becomes of a call that failed: pure."""

from __future__ import annotations

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.engine.retry import retry_delay_ms


class TryAgain(msgspec.Struct, frozen=True):
    """Call again after a pause, in ms."""

    pause_ms: int


class GiveUp(msgspec.Struct, frozen=True):
    """The event goes to the dead letters."""


def after_failure(policy: RetryPolicy, error: BaseException, *, attempt: int, seed: str) -> TryAgain | GiveUp:
    """Return what follows after the `attempt`-th call (from 1) failed with `error`.

    Errors are matched by the name of their class. One that says `non_retryable` (as `headrace.NonRetryable` does)
    is final.
    """
    if getattr(error, "non_retryable", False):
        return GiveUp()
    pause_ms = retry_delay_ms(policy, attempt=attempt, error=type(error).__name__, seed=f"{seed}/{attempt}")
    return GiveUp() if pause_ms is None else TryAgain(pause_ms)
