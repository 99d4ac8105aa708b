"""One task of a document: which fields it may have, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.contracts.retry import RetryPolicy
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import Expression, Template, is_expression
from headrace.engine.graph.checker import Checker
from headrace.engine.graph.durations import describe
from headrace.engine.graph.model import RUN_IF, CallbackWait, Kind, Node, OnRetry, ResourceUse
from headrace.engine.graph.problems import Path
from headrace.engine.graph.retries import parse_retry
from headrace.engine.graph.rules import EXPRESSIONS, PARSERS, assemble, misplaced
from headrace.engine.identity import MAX_SIGNAL_NAME, is_signal_name

KINDS: tuple[Kind, ...] = ("task", "workflow", "sleep", "wait_for")
_FLOW = ("needs", "run_if", "when", "significant", "description")
_FAN_OUT = ("foreach", "concurrency", "tolerate")
_WORK = ("input", "retry", "timeout")
_WORKER = ("heartbeat", "priority", "queue", "resource", *PARSERS)
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "task": ("task", "callback", "on_retry", *_FLOW, *_FAN_OUT, *_WORK, *_WORKER),
    "workflow": ("workflow", "on_retry", *_FLOW, *_FAN_OUT, *_WORK),
    "sleep": ("sleep", *_FLOW),
    "wait_for": ("wait_for", *_FLOW, *_FAN_OUT, "timeout"),
}
ON_EXIT_FIELDS = ("task", "workflow", "significant", "description", *_WORK, *_WORKER)
# A version is that of one task: there is none that would do for all.
_FOR_ALL = tuple(name for name in PARSERS if name != "version")
DEFAULTS = ("retry", "timeout", "heartbeat", "priority", "queue", "concurrency", *_FOR_ALL)
# The largest numbers that make sense, so that a slip of the key is noticed.
MAX_CONCURRENCY = 10_000
MAX_TOLERATE = 1_000_000
MAX_UNITS = 1_000_000
EACH_ITEM = "{% $item %}"


def read_node(
    check: Checker, name: str, value: Any, path: Path, defaults: Mapping[str, Any], resources: Mapping[str, int]
) -> Node | None:
    """Return the node of one entry of `tasks` (or of `on_exit`); None when it cannot even be told what it runs."""
    everything = tuple(dict.fromkeys(field for kind in KINDS for field in FIELDS[kind]))
    is_exit = path[0] == "on_exit"
    known = ON_EXIT_FIELDS if is_exit else everything
    fields = check.mapping(value, path, known, "on_exit" if is_exit else "a task")
    kind = _kind(check, fields, path, value)
    if kind is None:
        return None
    for field in fields:
        if field not in FIELDS[kind] and field not in KINDS:
            check.refuse((*path, field), f"Expected {field} at a task that runs on a worker, but {name} is a {kind}")
    filled = {field: defaults[field] for field in DEFAULTS if field in defaults and field in FIELDS[kind]}
    if kind == "wait_for":
        # The default is that of an attempt: a wait for somebody takes its own time.
        filled.pop("timeout", None)
    if "foreach" not in fields:
        filled.pop("concurrency", None)
    reading = _Fields(check, path, {**filled, **fields}, filled.keys() - fields.keys())
    return reading.node(name, kind, resources)


def _kind(check: Checker, fields: Mapping[str, Any], path: Path, value: Any) -> Kind | None:
    given: list[Kind] = [kind for kind in KINDS if kind in fields]
    if len(given) == 1:
        return given[0]
    if isinstance(value, dict):
        found = " and ".join(given) if given else "none of them"
        check.refuse(path, f"Expected exactly one of task, workflow, sleep and wait_for, but found {found}")
    return None


class _Fields:
    """The fields of one node, its defaults filled in. Problems of a default are those of `defaults`, noted there."""

    def __init__(self, check: Checker, path: Path, fields: Mapping[str, Any], filled: Any) -> None:
        self._check = check
        self._path = path
        self._fields = fields
        self._filled = filled

    def node(self, name: str, kind: Kind, resources: Mapping[str, int]) -> Node:
        check, at, fields = self._check, self._at, self._fields
        target, sleep_ms, signal = "", 0, ""
        if kind == "wait_for":
            signal = self._signal()  # type: ignore[assignment]
        elif kind == "sleep":
            sleep_ms = check.duration_or_expression(fields["sleep"], at("sleep"))  # type: ignore[assignment]
        else:
            target = check.target(fields[kind], at(kind), f"the name of a {kind}") or ""
        return Node(
            name=name,
            kind=kind,
            target=target,
            sleep_ms=sleep_ms,
            signal=signal,
            callback=self._callback(),
            needs=self._needs(),
            run_if=self._run_if(),
            when=self._when(),
            foreach=self._foreach(),
            concurrency=self._integer("concurrency", 0, 1, MAX_CONCURRENCY),
            tolerate=check.integer(fields.get("tolerate", 0), at("tolerate"), "tolerate", 0, MAX_TOLERATE),
            input=check.template(fields.get("input", EACH_ITEM if "foreach" in fields else {}), at("input")),
            retry=self._retry(),
            timeout_ms=check.duration_or_expression(fields["timeout"], at("timeout")) if "timeout" in fields else 0,
            heartbeat_ms=check.duration(fields["heartbeat"], at("heartbeat")) if "heartbeat" in fields else 0,
            priority=self._integer("priority", 5, 0, 9),
            queue=self._queue(),
            significant=check.boolean(fields.get("significant", True), at("significant"), "significant"),
            resource=self._resource(resources),
            rules=self._rules(target),
            on_retry=self._on_retry(),
            description=check.text(fields.get("description", ""), at("description"), "description"),
        )

    def _at(self, field: str) -> Path:
        return ("defaults", field) if field in self._filled else (*self._path, field)

    def _integer(self, field: str, default: int, lowest: int, highest: int) -> int | Expression:
        if field not in self._fields:
            return default
        return self._check.integer_or_expression(self._fields[field], self._at(field), field, lowest, highest)

    def _signal(self) -> str | Expression:
        value, path = self._fields["wait_for"], self._at("wait_for")
        if is_expression(value):
            return self._check.expression(value, path) or ""
        if isinstance(value, str) and is_signal_name(value):
            return value
        what = f"the name of a signal, of 1 to {MAX_SIGNAL_NAME} printable characters"
        self._check.refuse(path, f"Expected {what}, but found {describe(value)}")
        return ""

    def _on_retry(self) -> OnRetry:
        value = self._fields.get("on_retry", "")
        if value not in ("", "redo", "keep"):
            self._check.refuse(self._at("on_retry"), f"Expected redo or keep, but found {describe(value)}")
            return ""
        return value  # type: ignore[no-any-return]

    def _callback(self) -> CallbackWait | None:
        if "callback" not in self._fields:
            return None
        check, path = self._check, self._at("callback")
        fields = check.mapping(self._fields["callback"], path, ("timeout", "heartbeat"), "callback")
        timeout, heartbeat = (*path, "timeout"), (*path, "heartbeat")
        return CallbackWait(
            timeout_ms=check.duration_or_expression(fields["timeout"], timeout) if "timeout" in fields else 0,
            heartbeat_ms=check.duration(fields["heartbeat"], heartbeat) if "heartbeat" in fields else 0,
        )

    def _needs(self) -> tuple[str, ...]:
        value, path = self._fields.get("needs", []), self._at("needs")
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._check.refuse(path, f"Expected a list of task names as needs, but found {describe(value)}")
            return ()
        for at, name in enumerate(names):
            if name in names[:at]:
                self._check.refuse((*path, at), f"Expected every task once in needs, but {name} stands there again")
        return tuple(dict.fromkeys(names))

    def _run_if(self) -> Any:
        value = self._fields.get("run_if", RUN_IF[0])
        if value not in RUN_IF:
            self._check.refuse(self._at("run_if"), f"Expected one of {', '.join(RUN_IF)}, but found {describe(value)}")
            return RUN_IF[0]
        if value == "any_failed" and not self._fields.get("needs"):
            self._check.refuse(self._at("run_if"), "Expected needs for run_if any_failed, but there are none to fail")
        return value

    def _when(self) -> Expression | bool | None:
        value = self._fields.get("when")
        if value is None or isinstance(value, bool):
            return value
        if is_expression(value):
            return self._check.expression(value, self._at("when"))
        message = f"Expected an expression {{% ... %}}, true or false as when, but found {describe(value)}"
        self._check.refuse(self._at("when"), message)
        return None

    def _foreach(self) -> Template | None:
        if "foreach" not in self._fields:
            for field in ("concurrency", "tolerate"):
                if field in self._fields:
                    self._check.refuse(self._at(field), f"Expected {field} beside foreach, but there is no foreach")
            return None
        value = self._fields["foreach"]
        if not is_expression(value) and not isinstance(value, list):
            message = f"Expected a list or an expression {{% ... %}} as foreach, but found {describe(value)}"
            self._check.refuse(self._at("foreach"), message)
            value = []  # still a fan-out, so that `$item` is no problem as well
        return self._check.template(value, self._at("foreach"))

    def _retry(self) -> RetryPolicy | Template | None:
        if "retry" not in self._fields:
            return None
        value, path = self._fields["retry"], self._at("retry")
        template = self._check.template(value, path)
        if template.expressions:
            return template
        try:
            return parse_retry(value)
        except ValueError as error:
            self._check.refuse(path, str(error))
            return None

    def _queue(self) -> str | Expression:
        value = self._fields.get("queue", "default")
        if is_expression(value):
            return self._check.expression(value, self._at("queue")) or "default"
        return self._check.target(value, self._at("queue"), "the name of a queue") or "default"

    def _rules(self, task: str) -> DispatchRules | None:
        values, expressions = {}, {}
        fields = {name: self._fields[name] for name in PARSERS if name in self._fields}
        for name, value in fields.items():
            if name in EXPRESSIONS and is_expression(value):
                if self._check.expression(value, self._at(name)) is not None:
                    expressions[name] = value
                continue
            try:
                values[name] = PARSERS[name](value)
            except ValueError as error:
                self._check.refuse(self._at(name), str(error))
        problem = misplaced(fields)
        if problem is not None:
            self._check.refuse(self._at(problem[0]), problem[1])
        return assemble(task, values, expressions)

    def _resource(self, resources: Mapping[str, int]) -> ResourceUse | None:
        if "resource" not in self._fields:
            return None
        path, value = self._at("resource"), self._fields["resource"]
        if isinstance(value, str):
            value = {"name": value}
        fields = self._check.mapping(value, path, ("name", "units"), "resource")
        name = self._check.name(fields.get("name"), (*path, "name"), "the name of a resource")
        units = self._check.integer_or_expression(fields.get("units", 1), (*path, "units"), "units", 1, MAX_UNITS)
        if name is None:
            return None
        capacity = resources.get(name, 0)
        if capacity and isinstance(units, int) and units > capacity:
            self._check.refuse((*path, "units"), f"Expected at most the {capacity} units of {name}, but found {units}")
        return ResourceUse(name=name, units=units, capacity=capacity)
