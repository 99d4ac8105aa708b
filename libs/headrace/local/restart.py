"""How long to wait before something that died is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Times in milliseconds; see LocalSettings for the reasons. `start_attempts` are the lives without readiness."""

    pause_ms: int
    pause_max_ms: int
    stable_ms: int
    start_attempts: int


def next_pause_ms(policy: RestartPolicy, *, previous_pause_ms: int, lived_ms: int) -> int:
    """The pause after a life of `lived_ms` that followed a pause of `previous_pause_ms` (0 before the first death).

    It doubles up to the maximum, so that what cannot start does not eat the machine; what has lived for `stable_ms`
    was healthy, and comes back quickly again.
    """
    if lived_ms >= policy.stable_ms:
        return policy.pause_ms
    return min(max(policy.pause_ms, previous_pause_ms * 2), policy.pause_max_ms)
