"""The billing example, in memory."""

from __future__ import annotations

import pytest

from examples.billing import billing
from headrace.contracts.record_events import Published
from headrace.contracts.task_events import TaskScheduled
from headrace.testing import run_workflow


@pytest.fixture(autouse=True)
def few_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "CUSTOMERS", 70)


def test_all_are_charged_in_batches() -> None:
    run = run_workflow(billing.monthly_billing, {"size": 10, "side_by_side": 3})
    assert run.status == "SUCCEEDED", run.cause
    assert run.output["month"] == "2024-01"
    assert run.output["cents"] == 70 * (999 + 300)
    assert run.output["report"] == "2024-01: 70 customers, 90930 cents"
    charged = [event for event in run.events if isinstance(event, TaskScheduled) and event.task == "charge_batch"]
    assert len(charged) == 7
    assert len([event for event in run.events if isinstance(event, Published)]) == 3


def test_a_bank_that_is_down_is_asked_again() -> None:
    run = run_workflow(billing.monthly_billing, failures={"charge_batch": [ConnectionError("down"), None]})
    assert run.output["cents"] == 70 * (999 + 300)
