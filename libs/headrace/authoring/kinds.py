"""Which kind of definition a value in an author's module is."""

from __future__ import annotations

from typing import Any

from headrace.authoring.task_stubs import task_stub
from headrace.authoring.workflows import WorkflowDefinition

# By name, so that a module without listeners costs no import of what they need (the expression language).
_BY_TYPE = {
    ("headrace.authoring.listeners", "ListenerDefinition"): "listeners",
    ("headrace.authoring.triggers", "TriggerDefinition"): "triggers",
    ("headrace.authoring.gauges", "GaugeDefinition"): "gauges",
    ("headrace.authoring.middleware", "MiddlewareDefinition"): "middleware",
    ("headrace.authoring.resources", "ResourceDefinition"): "resources",
}


def kind_of(value: Any) -> str:
    """Return the name of the field of `Apps` that a value belongs in; empty for anything else."""
    if isinstance(value, WorkflowDefinition):
        return "workflows"
    kind = _BY_TYPE.get((type(value).__module__, type(value).__name__))
    if kind is not None:
        return kind
    return "tasks" if task_stub(value) is not None else ""
