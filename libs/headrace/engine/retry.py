"""When a failed attempt is tried again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from headrace.contracts.retry import RetryPolicy


def retry_delay_ms(
    policy: RetryPolicy | None, *, attempt: int, error: str, seed: str, bases: Sequence[str] = ()
) -> int | None:
    """Return the pause before the next attempt, in ms; None when the failure is final.

    `attempt` is the one that failed, from 1. `error` is matched by its name or by the last part of a dotted name.
    Jitter is drawn from `seed`, so that a replay draws the same.
    """
    if policy is None or not _retryable(policy, error, bases):
        return None
    if policy.schedule:
        return policy.schedule[attempt - 1] if attempt <= len(policy.schedule) else None
    if attempt >= policy.max_attempts:
        return None
    # The power is bounded before it is taken: a long-lived task would overflow a float.
    pause = min(policy.interval_ms * policy.backoff ** min(attempt - 1, 64), float(policy.max_interval_ms))
    if policy.jitter:
        pause *= 1 + policy.jitter * (2 * random.Random(seed).random() - 1)
    return max(1, int(pause))


def _retryable(policy: RetryPolicy, error: str, bases: Sequence[str]) -> bool:
    names = {error, error.rpartition(".")[2], *bases}
    if names & set(policy.off):
        return False
    return not policy.on or bool(names & set(policy.on))
