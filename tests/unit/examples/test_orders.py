"""The orders example, in memory."""

from __future__ import annotations

from typing import Any

from examples.orders import orders
from headrace.contracts.child_events import ChildEnded
from headrace.contracts.task_events import TaskScheduled
from headrace.testing import WorkflowRun, run_workflow

LINES = [{"article": name, "pieces": 2, "cents": 100} for name in ("book", "pen", "ink")]


def ordered(lines: list[dict[str, Any]]) -> WorkflowRun:
    return run_workflow(orders.order, {"lines": lines}, workflow_id="o-1", children={"parcel": orders.parcel})


def scheduled(run: WorkflowRun) -> list[str]:
    return [event.task for event in run.events if isinstance(event, TaskScheduled)]


def test_every_parcel_is_a_child() -> None:
    run = ordered(LINES)
    assert run.status == "SUCCEEDED", run.cause
    assert run.output == {"payment": "payment-o-1", "parcels": ["track-o-1-1", "track-o-1-2"]}
    assert sorted(event.child_id for event in run.events if isinstance(event, ChildEnded)) == ["o-1-1", "o-1-2"]


def test_a_parcel_that_cannot_be_sent_gives_the_money_back() -> None:
    run = ordered([*LINES, {"article": "unicorn", "pieces": 1, "cents": 1}])
    assert run.status == "FAILED"
    assert "no unicorn in stock" in (run.cause or "")
    assert scheduled(run).count("refund") == 1
    assert "put_back" not in scheduled(run)[: scheduled(run).index("charge")]
