"""What a task's author says about its dispatching: the same for every run, but for what expressions give."""

from __future__ import annotations

import msgspec

from headrace.contracts.task_rules import TaskLimit, TaskRules


class DispatchRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules as declared: `constant` without what the texts in `expressions` will give, by the rule's name."""

    constant: TaskRules
    key_limit: TaskLimit | None = None
    """The limit of the concurrency key, but for its name."""
    expressions: dict[str, str] = {}
