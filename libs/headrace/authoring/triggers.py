"""`trigger`: a workflow for every record of a topic.

    @trigger(topic="orders", id="$record.value.order_id")
    @workflow
    async def order(ctx, **order): ...

    orders = trigger(topic="orders", id="$record.key", workflow="order", input={"lines": "{% $record.value.lines %}"})

    @trigger(topic="orders", id="$record.key", workflow="order")
    def order_input(record):              # what it returns is the input
        return {"lines": record["value"]["lines"]}

The id is what makes it exactly once: however often a record is read, its workflow is started once, and a second record
with the id of an existing workflow joins that one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from headrace.authoring.listeners import Start, checked_start, compile_over
from headrace.authoring.names import check_name
from headrace.authoring.workflows import WorkflowDefinition
from headrace.engine.expressions import Expression, Template, compile_template

Format = Literal["json", "text"]
_WHOLE_VALUE = "$record.value"
# Triggers that stand above a workflow. The decorator returns the workflow itself, so they are kept beside it.
_above: dict[WorkflowDefinition[..., Any], list[TriggerDefinition]] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TriggerDefinition:
    """A trigger. As a decorator it takes a workflow, or a function from the record to the workflow's input.

    Attributes:
        topic: the topic's full name on the cluster; no namespace is put before it.
        id: gives the workflow's id from `$record`.
        workflow: the workflow's name; empty as long as a decorator has not told.
        input: gives the input from `$record`; not used where there is a function.
        function: gives the input from the record.
        start: where a trigger begins that has never run.
        format: what the record's value is.
    """

    name: str
    topic: str
    id: Expression
    workflow: str
    version: str
    input: Expression | Template
    function: Callable[[Any], Any] | None
    start: Start
    format: Format

    def __call__(self, target: Any) -> Any:
        """Decorate a workflow (which is returned as it is), or a function from the record to the input.

        Raises:
            TypeError: it is neither, or the trigger names no workflow.
        """
        if self.function is not None:
            return self.function(target)
        if isinstance(target, WorkflowDefinition):
            own = replace(self, workflow=self.workflow or target.name, name=self.name or f"{target.name}_trigger")
            _above.setdefault(target, []).append(own)
            return target
        if not callable(target):
            raise TypeError(f"Expected @trigger on a workflow or a function, but found {target!r}")
        if not self.workflow:
            raise TypeError(f"Expected @trigger(workflow=...) above function {target.__qualname__}, but it is missing")
        return replace(self, function=target)


def trigger(
    *,
    topic: str,
    id: str,
    workflow: str | WorkflowDefinition[..., Any] = "",
    version: str = "",
    input: Any = _WHOLE_VALUE,
    name: str = "",
    start: Start = "earliest",
    format: Format = "json",
) -> TriggerDefinition:
    """Start one workflow for every record of a topic.

    `$record` has `key` and `headers` as text, `value` as JSON, `topic`, `partition`, `offset` and `at` (its time,
    in ms).

    Args:
        topic: the topic's name as it is on the cluster.
        id: a JSONata expression over `$record` that gives the workflow's id.
        workflow: the workflow, or its name; not needed above a `@workflow`.
        version: the version to start; without it the latest.
        input: an expression over `$record`, or a JSON value with `{% ... %}` in it; without it the record's value.
        name: of the trigger, which its position belongs to; without it the workflow's name with `_trigger` after it.
        start: where a trigger begins that has never run: `earliest` (with all records there are), or `latest`.
        format: `json`, or `text` for values that are none.

    Raises:
        ValueError: the name, an expression, `start` or `format` does not fit.
    """
    wanted = workflow.name if isinstance(workflow, WorkflowDefinition) else workflow
    if format not in ("json", "text"):
        raise ValueError(f"Expected format to be 'json' or 'text', but found {format!r}")
    if wanted:
        check_name(wanted, "the trigger's workflow")
    if not topic:
        raise ValueError("Expected the name of a topic, but it is empty")
    return TriggerDefinition(
        name=check_name(name or f"{wanted}_trigger", "the trigger") if name or wanted else "",
        topic=topic,
        id=compile_over(id, "record"),
        workflow=wanted,
        version=version,
        input=compile_over(input, "record") if isinstance(input, str) else compile_template(input, {"record": None}),
        function=None,
        start=checked_start(start),
        format=format,
    )


def triggers_above(workflow: WorkflowDefinition[..., Any]) -> list[TriggerDefinition]:
    """Return the triggers that stand above a workflow."""
    return list(_above.get(workflow, ()))
