"""What a task's author says about its dispatching, from what stands in a decorator or a document to what travels with a
scheduled task.

Some of it may be an expression, since it depends on whom a task is run for: `fairness_key`, `weight`,
`concurrency_key`, `prefer`. The rest is the same for every run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import is_expression
from headrace.engine.graph.durations import describe, parse_duration
from headrace.engine.task_versions import ANY, COMPATIBLE, check_task_versions, check_version

EXPRESSIONS = ("fairness_key", "weight", "concurrency_key", "prefer")
"""The rules that an expression may give."""
VERSIONS = frozenset({"version", "task_versions"})
"""The rules about versions of the task's code."""
# The largest numbers that make sense, so that a slip of the key is noticed.
MAX_SLOTS = 1_000
MAX_AT_ONCE = 1_000_000
MAX_WEIGHT = 1_000.0
MAX_TEXT = 200
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,99}\Z", re.ASCII)
_RATE = re.compile(r"([0-9]+)\s*/\s*(\S+)\Z", re.ASCII)


def parse_rules(task: str, fields: Mapping[str, Any]) -> DispatchRules | None:
    """Return the rules that fields declare for a task; None where they declare none.

    Raises:
        ValueError: a field is no rule, or its value does not fit.
    """
    values, expressions = {}, {}
    for name, value in fields.items():
        if name not in PARSERS:
            raise ValueError(f"Expected one of {', '.join(PARSERS)}, but found {name}")
        if name in EXPRESSIONS and is_expression(value):
            expressions[name] = value
            continue
        try:
            values[name] = PARSERS[name](value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    problem = misplaced(fields)
    if problem is not None:
        raise ValueError(problem[1])
    return assemble(task, values, expressions)


def misplaced(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the rule that stands there without the one that it belongs to, and a text that says so."""
    for name in ("key_at_once", "key_rate"):
        if name in fields and "concurrency_key" not in fields:
            return name, f"Expected concurrency_key beside {name}, but there is none"
    return None


def assemble(task: str, values: Mapping[str, Any], expressions: Mapping[str, str]) -> DispatchRules | None:
    """Return the rules that parsed values and expressions come to; None for nothing."""
    version, task_versions = values.get("version", ""), values.get("task_versions", COMPATIBLE)
    if not version or task_versions == ANY:
        # Nothing to compare: every version may run it, as where nothing is said.
        version, task_versions = "", COMPATIBLE
    if not values.keys() - VERSIONS and not version and not expressions:
        return None
    limits = []
    if "at_once" in values or "rate" in values:
        limits.append(_limit("task", task, values.get("at_once", 0), values.get("rate")))
    key_limit = None
    if "concurrency_key" in values or "concurrency_key" in expressions:
        at_once = values.get("key_at_once", 0 if "key_rate" in values else 1)
        key_limit = _limit("key", values.get("concurrency_key", ""), at_once, values.get("key_rate"))
        if key_limit.name:
            limits.append(key_limit)
    constant = TaskRules(
        fairness_key=values.get("fairness_key", ""),
        weight=values.get("weight", 1.0),
        slots=values.get("slots", 1),
        limits=limits,
        require=values.get("require", {}),
        prefer=values.get("prefer", ""),
        schedule_to_start_ms=values.get("schedule_to_start", 0),
        schedule_to_close_ms=values.get("schedule_to_close", 0),
        warn_after_ms=values.get("warn_after", 0),
        version=version,
        task_versions=task_versions,
    )
    return DispatchRules(constant=constant, key_limit=key_limit, expressions=dict(expressions))


def _limit(scope: str, name: str, at_once: int, rate: tuple[int, int] | None) -> TaskLimit:
    per_period, period_ms = rate or (0, 0)
    return TaskLimit(scope=scope, name=name, at_once=at_once, per_period=per_period, period_ms=period_ms)


def filled(declared: DispatchRules, values: Mapping[str, Any]) -> TaskRules:
    """Return the rules of one run; `values` are what the expressions have given.

    Raises:
        ValueError: a value does not fit.
    """
    rules = declared.constant
    for name, value in values.items():
        # Nothing means: no key, as somebody would write it who has none for this run.
        parsed = 1.0 if name == "weight" and value is None else "" if value is None else PARSERS[name](value)
        if name != "concurrency_key":
            rules = msgspec.structs.replace(rules, **{name: parsed})
        elif parsed and declared.key_limit is not None:
            limit = msgspec.structs.replace(declared.key_limit, name=parsed)
            rules = msgspec.structs.replace(rules, limits=[*rules.limits, limit])
    return rules


def parse_rate(value: Any) -> tuple[int, int]:
    """Return how many in how many milliseconds.

    Raises:
        ValueError: it is no rate.
    """
    found = _RATE.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"Expected a rate such as 100/1m (so many in so long), but found {describe(value)}")
    count, period_ms = int(found.group(1)), parse_duration(found.group(2))
    if not 1 <= count <= MAX_AT_ONCE or not period_ms:
        raise ValueError(f"Expected a rate from 1 to {MAX_AT_ONCE} in at least 1ms, but found {describe(value)}")
    return count, period_ms


def _text(value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= MAX_TEXT:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"Expected a text of 1 to {MAX_TEXT} characters, but found {describe(value)}")


def _weight(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 / MAX_WEIGHT <= value <= MAX_WEIGHT:
        return float(value)
    raise ValueError(f"Expected a weight from {1 / MAX_WEIGHT} to {MAX_WEIGHT:.0f}, but found {describe(value)}")


def _count(most: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        raise ValueError(f"Expected an integer from 1 to {most}, but found {describe(value)}")

    return parse


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f'Expected labels such as {{"gpu": "yes"}}, but found {describe(value)}')
    for name, wanted in value.items():
        if not isinstance(name, str) or not _LABEL.match(name):
            text = "Expected the name of a label of letters, digits, _, ., / and -, at most 100 long"
            raise ValueError(f"{text}, but found {describe(name)}")
        if not isinstance(wanted, str) or not 0 < len(wanted) <= MAX_TEXT:
            text = f"Expected label {name} to be a text of 1 to {MAX_TEXT} characters"
            raise ValueError(f"{text}, but found {describe(wanted)}")
    return dict(value)


def _duration(value: Any) -> int:
    duration_ms = parse_duration(value)
    if not duration_ms:
        raise ValueError("Expected a duration of at least 1ms, but found none; leave it out instead")
    return duration_ms


PARSERS: dict[str, Callable[[Any], Any]] = {
    "fairness_key": _text,
    "weight": _weight,
    "slots": _count(MAX_SLOTS),
    "at_once": _count(MAX_AT_ONCE),
    "rate": parse_rate,
    "concurrency_key": _text,
    "key_at_once": _count(MAX_AT_ONCE),
    "key_rate": parse_rate,
    "require": _labels,
    "prefer": _text,
    "schedule_to_start": _duration,
    "schedule_to_close": _duration,
    "warn_after": _duration,
    "version": check_version,
    "task_versions": check_task_versions,
}
"""What can be said, and what makes a value of it."""
