"""Retry rules as they travel with a scheduled task. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class RetryPolicy(Message, frozen=True, kw_only=True):
    """How often and when a failed attempt is tried again."""

    max_attempts: int = 1
    interval_ms: int = 1000
    backoff: float = 2.0
    max_interval_ms: int = 60000
    jitter: float = 0.0
    schedule: list[int] = msgspec.field(default_factory=list)
    on: list[str] = msgspec.field(default_factory=list)
    off: list[str] = msgspec.field(default_factory=list)
