"""What a workflow notes and does not wait for: values, versions of its code, attributes, and what it shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Cancelled, NonDeterministic, Outcome
from headrace.engine.kernel.requests import (
    MEMO,
    ChooseVersion,
    Publish,
    RecordValue,
    SetSearchAttributes,
    value_fingerprint,
    version_fingerprint,
)
from headrace.engine.programs.python.errors import MemoFailed
from headrace.engine.programs.python.limits import PythonLimits, check_size
from headrace.engine.programs.python.payloads import JSON, to_json, typed_payload
from headrace.payloads.signatures import result_type

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_NOTHING = Outcome(FAILED)
_SCALAR = (str, bool, int, float)


class Notes:
    """The part of `ctx` that notes things: each takes a step, ends at once, and is not awaited."""

    _kernel: Kernel
    _limits: PythonLimits
    _versions: dict[str, int]
    _searched: set[str]

    def memo(self, function: Callable[[], T], *, name: str = "") -> T:
        """Call a function once, and return what it gave in every replay.

        For what may give something else the next time. It must not wait, and cannot ask for steps; what reaches outside
        of the process is a task. `name` is the function's own unless given.

        Raises:
            MemoFailed: the function failed; a replay fails in the same way.
            ValueError: the value is too large.
            TypeError: JSON cannot hold the value, or the function is async or asks for steps.
        """
        kernel = self._kernel
        node = _checked(name or _name_of(function), "the name of a memo")
        if kernel.next_recorded is not None:
            outcome = kernel.next_value or _NOTHING
        else:
            outcome = kernel.carried_value(value_fingerprint(MEMO, node)) or self._called(function)
        kernel.request(RecordValue(node=node, outcome=outcome))
        if not outcome.ok:
            raise MemoFailed(outcome.error, outcome.cause, status=outcome.status)
        value: T = typed_payload(outcome.data, outcome.content_type, result_type(function))
        return value

    def version(self, name: str, lowest: int, highest: int) -> int:
        """Return which way of the code this run goes: a run that passed here before the mark was made goes the lowest,
        one that comes here now the highest; and stays with it.

        Raises:
            NonDeterministic: the run goes a way that the code no longer has.
        """
        kernel = self._kernel
        chosen = self._versions.get(name)
        if chosen is None:
            _checked(name, "the name of a version")
            recorded, mark = kernel.next_recorded, version_fingerprint(name, "")
            if recorded is None:
                chosen = self._former_way(name, lowest, highest)
            elif recorded.startswith(mark):
                chosen = int(recorded.removeprefix(mark))
            else:
                chosen = lowest
            if recorded is None or recorded.startswith(mark):
                kernel.request(ChooseVersion(node=name, version=chosen))
            self._versions[name] = chosen
        if not lowest <= chosen <= highest:
            raise NonDeterministic(
                f"Expected version {name} from {lowest} to {highest}, as the code has them, but the run goes the way "
                f"of {chosen}; keep that way in the code until no run goes it"
            )
        return chosen

    def search(self, **attributes: Any) -> None:
        """Set attributes that lists of workflows can be filtered by: texts, numbers, booleans, or lists of them.

        They are merged into what was set before; None takes one away.

        Raises:
            ValueError: they are too many, or too large.
            TypeError: a value is of another type.
        """
        data = to_json(attributes)
        if self._kernel.next_recorded is None:
            for name, value in attributes.items():
                _check_attribute(_checked(name, "the name of a search attribute"), value)
            names = len(self._searched | attributes.keys())
            if names > self._limits.search_names:
                raise ValueError(f"Expected at most {self._limits.search_names} search attributes, but found {names}")
            check_size("search attributes", len(data), self._limits.search_bytes)
        self._searched.update(attributes)
        self._kernel.request(SetSearchAttributes(node="search", attributes=data))

    def publish(self, name: str, data: Any) -> None:
        """Show a value under a name, in the read API and on the page; the last one under a name counts.

        Raises:
            ValueError: it is too large.
            TypeError: JSON cannot hold it.
        """
        encoded = to_json(data)
        if self._kernel.next_recorded is None:
            _checked(name, "the name of a published value")
            check_size(f"the published value {name}", len(encoded), self._limits.payload_bytes)
        self._kernel.request(Publish(node=name, data=encoded, content_type=JSON))

    def _former_way(self, name: str, lowest: int, highest: int) -> int:
        """Return the way that the run before went, where this one was retried from it and the way is still there."""
        carried = self._kernel.carried
        former = carried.versions.get(name, highest) if carried is not None else highest
        return former if lowest <= former <= highest else highest

    def _called(self, function: Callable[[], Any]) -> Outcome:
        step = self._kernel.next_step
        try:
            value = function()
        except (Cancelled, NonDeterministic):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it raises is what is noted)
            return Outcome(FAILED, error=type(error).__name__, cause=str(error))
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError("Expected a plain function for ctx.memo, but it is async: what waits is a task")
        if self._kernel.next_step != step:
            raise TypeError("Expected a function for ctx.memo that only computes, but it asks for steps of ctx")
        data = to_json(value)
        check_size("the value of a memo", len(data), self._limits.payload_bytes)
        return Outcome(SUCCEEDED, data)


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", "")
    return name if _NAME.fullmatch(name) else "memo"


def _checked(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"Expected {what} like {_NAME.pattern}, but found {name!r}")
    return name


def _check_attribute(name: str, value: Any) -> None:
    items = value if isinstance(value, list) else [value]
    if value is not None and not all(isinstance(item, _SCALAR) for item in items):
        raise TypeError(
            f"Expected search attribute {name} to be a text, a number, a boolean, a list of those, or None, but found "
            f"{value!r}"
        )
