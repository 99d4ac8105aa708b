"""Events of one schedule for tests of the read model, with everything that does not matter filled in."""

from __future__ import annotations

from typing import Any

from headrace.contracts.references import ParentRef
from headrace.contracts.schedule_events import ScheduleFired, ScheduleSet, ScheduleSpec
from headrace.contracts.workflow_events import WorkflowStarted
from tests.support.status_events import T0, started

SCHEDULE = "billing"
OF: dict[str, Any] = {"schedule_id": SCHEDULE, "generation": "0-3"}
NEXT = 4_102_444_800_000
"""1 January 2100: a next time that stays one."""
DAY = 86_400_000


def made(**fields: Any) -> ScheduleSet:
    """Return a schedule for each day, at midnight."""
    spec = {"cron": "0 0 * * *", "timezone": "UTC", "name": "bill", "input": b'{"month":11}', "jitter_ms": 60_000}
    found = {"next_at": NEXT, "due_at": NEXT + 7_000, "at": T0}
    return ScheduleSet(**{**OF, "spec": ScheduleSpec(**{**spec, **fields.pop("spec", {})}), **found, **fields})


def fired(workflow_id: str = "billing-1", **fields: Any) -> ScheduleFired:
    """Return a start."""
    values = {"scheduled_at": T0 + DAY, "name": "bill", "input": b"{}", "to_shard": 0, "next_at": NEXT, "at": T0 + DAY}
    return ScheduleFired(**{**OF, "workflow_id": workflow_id, **values, **fields})


def begun(workflow_id: str = "billing-1", run_id: str = "j-1", at: int = T0 + DAY + 5) -> WorkflowStarted:
    """Return the beginning of what was started."""
    parent = ParentRef(workflow_id=SCHEDULE, run_id="0-3", step=-1, depth=0)
    return started(workflow_id, run_id, parent=parent, name="bill", at=at)
