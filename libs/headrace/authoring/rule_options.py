"""What `@task` takes about dispatching. The same names stand in graphs; `docs/dispatching.md` says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from headrace.authoring.durations import Duration, duration_ms
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import InvalidExpression, compile_expression
from headrace.engine.graph.rules import parse_rules
from headrace.engine.programs.python.rules import INPUT_ONLY

_DURATIONS = ("schedule_to_start", "schedule_to_close", "warn_after")


class RuleOptions(TypedDict, total=False):
    """Options of `@task`; a text that is wholly `{% ... %}` is an expression, which sees the call as `$input`.

    Attributes:
        fairness_key: tasks of one priority take turns between these keys, such as tenants. May be an expression.
        weight: how often its key is served, against the others. May be an expression.
        slots: how many slots it takes of its worker.
        at_once: how many tasks of this name may run at once.
        rate: how many tasks of this name may begin in a time: `100/1m`.
        concurrency_key: tasks of one key share a limit: one at once, unless told. May be an expression.
        key_at_once: how many of a key may run at once.
        key_rate: how many of a key may begin in a time.
        require: labels that its worker must have.
        prefer: a worker's name, or a key whose last worker is taken while it has a free slot. May be an expression.
        schedule_to_start: the longest wait for a worker.
        schedule_to_close: the time for all attempts and the pauses between them.
        warn_after: an attempt that runs for longer is told of as overdue; it goes on.
        version: of the task's code, MAJOR.MINOR; a workflow says which of them may run its tasks.
    """

    fairness_key: str
    weight: float | str
    slots: int
    at_once: int
    rate: str
    concurrency_key: str
    key_at_once: int
    key_rate: str
    require: Mapping[str, str]
    prefer: str
    schedule_to_start: Duration
    schedule_to_close: Duration
    warn_after: Duration
    version: str


def read_options(task: str, options: Mapping[str, Any]) -> DispatchRules | None:
    """Return the rules of a task; None where nothing is said.

    Raises:
        ValueError: an option is unknown, or does not fit.
    """
    fields = dict(options)
    if "task_versions" in fields:
        raise ValueError(f"task {task}: Expected task_versions at @workflow, but found it here; move it there")
    for name in _DURATIONS:
        if name in fields and not isinstance(fields[name], str):
            fields[name] = f"{duration_ms(fields[name], f'{name} of task {task}')}ms"
    try:
        rules = parse_rules(task, fields)
    except ValueError as error:
        raise ValueError(f"task {task}: {error}") from None
    for name, text in rules.expressions.items() if rules is not None else ():
        try:
            compile_expression(text, INPUT_ONLY)
        except InvalidExpression as error:
            raise ValueError(f"task {task}: {name}: {error}") from None
    return rules
