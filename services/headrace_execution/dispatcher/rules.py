"""What a task says about its dispatching: labels that its worker must have, slots, limits, whom it is fair to.

Most tasks say nothing: for them everything here is a constant.
"""

from __future__ import annotations

from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskRules

NO_RULES = TaskRules()
TASK, KEY, QUEUE = "task", "key", "queue"
"""What a limit counts: the tasks of a name, of a concurrency key, or all of a queue."""

Labels = tuple[tuple[str, str], ...]
"""Labels that are required, sorted by name."""
LimitKey = tuple[str, str, str]
"""A limit: queue, scope, name."""
Wanted = tuple[str, str]
"""A version of the task's code, empty for any, and which others will do as well (`headrace.engine.task_versions`)."""
ShapeKey = tuple[str, int, Labels, tuple[LimitKey, ...], Wanted, int]
"""What decides whether a task can be placed, but for its concurrency key: task, slots, labels, limits of its name,
versions, and its side of a canary (`canaries.py`).
"""
ANY_VERSION: Wanted = ("", "")
NO_CANARY = 0
FlowKey = tuple[int, str]
"""Within a shape: priority and fairness key."""


def rules_of(task: TaskScheduled) -> TaskRules:
    """Return what a task says; the defaults where it says nothing."""
    return task.rules or NO_RULES


def slots_of(task: TaskScheduled) -> int:
    """Return the slots that a task takes."""
    return 1 if task.rules is None else task.rules.slots


def labels_of(task: TaskScheduled) -> Labels:
    """Return the labels that a task requires."""
    return () if task.rules is None or not task.rules.require else tuple(sorted(task.rules.require.items()))


def wanted_of(task: TaskScheduled) -> Wanted:
    """Return the versions that may run a task."""
    return (
        ANY_VERSION if task.rules is None or not task.rules.version else (task.rules.version, task.rules.task_versions)
    )


def shape_of(task: TaskScheduled, side: int = NO_CANARY) -> ShapeKey:
    """Return what tasks have in common that the same workers can take under the same limits."""
    if task.rules is None:
        return (task.task, 1, (), (), ANY_VERSION, side)
    return (task.task, task.rules.slots, labels_of(task), _limits(task, TASK), wanted_of(task), side)


def flow_of(task: TaskScheduled) -> FlowKey:
    """Return the priority and the fairness key of a task."""
    return (task.priority, "" if task.rules is None else task.rules.fairness_key)


def gates_of(task: TaskScheduled) -> tuple[LimitKey, ...]:
    """Return the limits of a task's concurrency key."""
    return () if task.rules is None or not task.rules.limits else _limits(task, KEY)


def _limits(task: TaskScheduled, scope: str) -> tuple[LimitKey, ...]:
    limits = rules_of(task).limits
    return tuple((task.queue, scope, limit.name) for limit in limits if limit.scope == scope) if limits else ()
