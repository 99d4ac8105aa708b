"""What the dispatcher heeds about a task. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class TaskLimit(Message, frozen=True, kw_only=True):
    """How many tasks of one kind may run at once, and how many may begin in a period."""

    scope: str
    name: str
    at_once: int = 0
    per_period: int = 0
    period_ms: int = 0


class TaskRules(Message, frozen=True, kw_only=True):
    """What the dispatcher heeds about a task beyond its queue and priority."""

    fairness_key: str = ""
    weight: float = 1.0
    slots: int = 1
    limits: list[TaskLimit] = msgspec.field(default_factory=list)
    require: dict[str, str] = msgspec.field(default_factory=dict)
    prefer: str = ""
    schedule_to_start_ms: int = 0
    schedule_to_close_ms: int = 0
    close_by: int = 0
    warn_after_ms: int = 0
    version: str = ""
    task_versions: str = "compatible"
