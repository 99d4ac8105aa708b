"""Sleeps. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class TimerStarted(Message, frozen=True, kw_only=True):
    """A workflow sleeps."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    due_at: int
    at: int


class TimerFired(Message, frozen=True, kw_only=True):
    """A sleep is over."""

    workflow_id: str
    run_id: str
    step: int
    at: int


class TimerCancelled(Message, frozen=True, kw_only=True):
    """A sleep was given up."""

    workflow_id: str
    run_id: str
    step: int
    at: int
