"""From a record of a user's topic to the command that starts its workflow: pure, but for a function of the user's."""

from __future__ import annotations

import json
from typing import Any

from headrace.authoring.triggers import TriggerDefinition
from headrace.client.commands import StartOptions, input_bytes, start_command
from headrace.client.errors import InvalidStart
from headrace.contracts.commands import StartWorkflow
from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import ExpressionError, Scope
from headrace.shard.ports import Record


class Unusable(Exception):
    """A record that starts nothing; it goes to the dead letters.

    Attributes:
        error: the name of the reason.
    """

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error = error


def command_for(trigger: TriggerDefinition, record: Record, *, limit_bytes: int, now_ms: int) -> StartWorkflow:
    """Return the command for a record. Its ids depend on the record alone: read again, it starts nothing new.

    Raises:
        Unusable: the record cannot be read, an expression or the function fails on it, or the command does not fit.
    """
    bound = binding(trigger, record)
    seed = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        scope = Scope({"record": bound})
        workflow_id = _text(trigger.id.evaluate(scope, now_ms=record.at, seed=seed))
        if trigger.function is not None:
            value = trigger.function(bound)
        else:
            value = trigger.input.evaluate(scope, now_ms=record.at, seed=seed)
        return start_command(
            trigger.workflow,
            input_bytes(value, {}),
            StartOptions(id=workflow_id, version=trigger.version),
            command_id=f"trigger:{trigger.name}:{seed}",
            limit_bytes=limit_bytes,
            now_ms=now_ms,
        )
    except (ExpressionError, BudgetExceeded) as error:
        raise Unusable("headrace.ExpressionError", str(error)) from error
    except InvalidStart as error:
        raise Unusable("headrace.InvalidInput", str(error)) from error
    except (Exception, SystemExit) as error:
        if trigger.function is None:
            raise
        name = type(error).__name__
        raise Unusable(name, f"Expected the input from the trigger's function, but {name}: {error}") from error


def binding(trigger: TriggerDefinition, record: Record) -> dict[str, Any]:
    """Return what `$record` is.

    Raises:
        Unusable: the value is not what the trigger's format says.
    """
    return {
        "key": record.key.decode("utf-8", "replace"),
        "value": _value(trigger, record),
        "headers": {name: value.decode("utf-8", "replace") for name, value in record.headers},
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "at": record.at,
    }


def _value(trigger: TriggerDefinition, record: Record) -> Any:
    try:
        text = record.value.decode("utf-8")
        if trigger.format == "text":
            return text
        return json.loads(text, parse_constant=_no_constant) if text else None
    except (ValueError, RecursionError) as error:
        wanted = "UTF-8" if trigger.format == "text" else "JSON"
        where = f"{record.topic}[{record.partition}] offset {record.offset}"
        text = f"Expected {wanted} in {where}, but {error}; it begins with {record.value[:40]!r}"
        raise Unusable("headrace.SerializationError", text) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text(value: Any) -> str:
    """Return an id: text as it is, a whole number in digits.

    Raises:
        InvalidStart: it is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value))
    raise InvalidStart(f"Expected the trigger's id to be a text, but found {value!r}")
