"""What is started under chaos, and how each kind must end: a plain model, apart from the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.checkers.workflows import Expectation

APPS = (
    "tests.chaos.app",
    *(f"tests/chaos/graphs/{name}.yaml" for name in ("steps", "sleep", "retry", "lease", "fails")),
)
RESOURCES = {"chaos_booth": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of workflow. `succeeded` counts the successes of its tasks by their names; `share` of every hundred."""

    name: str
    share: int
    expects: Callable[[int], Expectation]
    parked: bool = False


def _value(more: int, **tasks: int) -> Callable[[int], Expectation]:
    return lambda value: Expectation(status="WorkflowSucceeded", output={"value": value + more}, succeeded=tasks)


def _family(value: int) -> Expectation:
    return Expectation(status="WorkflowSucceeded", output={"value": 3 * value + 6}, succeeded={"part": 3}, children=1)


def _failed(_: int) -> Expectation:
    return Expectation(status="WorkflowFailed", succeeded={"add": 1})


def _terminated(_: int) -> Expectation:
    return Expectation(status="WorkflowTerminated", succeeded={"add": 1})


KINDS = (
    Kind(name="chaos_steps_graph", share=30, expects=_value(6, add=3)),
    Kind(name="chaos_steps_python", share=26, expects=_value(6, add=3)),
    Kind(name="chaos_sleep_graph", share=6, expects=_value(6, add=3)),
    Kind(name="chaos_sleep_python", share=6, expects=_value(6, add=3)),
    Kind(name="chaos_retry_graph", share=6, expects=_value(5, add=2, stumble=1)),
    Kind(name="chaos_retry_python", share=6, expects=_value(3, add=2, stumble=1)),
    Kind(name="chaos_lease_graph", share=6, expects=_value(4, add=2, hold=1)),
    Kind(name="chaos_family_python", share=6, expects=_family),
    Kind(name="chaos_fails_graph", share=4, expects=_failed),
    Kind(name="chaos_parked_python", share=4, expects=_terminated, parked=True),
)


def kind_of(number: int) -> Kind:
    """Return the kind of the workflow of that number: spread evenly, the same in every run."""
    place = number * 37 % 100
    for kind in KINDS:
        place -= kind.share
        if place < 0:
            return kind
    raise AssertionError("the shares must add up to 100")


def child_expectation(value: dict[str, Any]) -> Expectation:
    """Return how the child of a family must end."""
    return Expectation(status="WorkflowSucceeded", output={"value": value["value"] + 6}, succeeded={"add": 3})
