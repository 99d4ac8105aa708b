"""The read model says what the journals say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.contracts.workflow_events import WorkflowSucceeded
from tests.support.checkers.history import History, Place
from tests.support.checkers.workflows import ENDS

_STATUS = {"TimedOut": "TIMED_OUT"}
# Events that the history leaves out: see OMITTED in headrace_status.fold.history.
_NO_HISTORY = {
    "AssignmentsEnded",
    "WorkerMeasured",
    "AttemptsNoted",
    "StepAnswered",
    "CallbackHeartbeat",
    "InputMarked",
    "ActivationYielded",
    "ActivationResumed",
    "RebuildBegun",
    "RebuildEnded",
}
_JOURNALS = ("workflow.journal", "task.journal", "resource.journal")
_SHOWN = 5


def check_read_model(
    history: History,
    workflows: Mapping[str, Mapping[str, Any]],
    open_tasks: Iterable[Any],
    rows: Iterable[tuple[str, int, int, int]],
) -> list[str]:
    """Return what is wrong in the read model.

    Args:
        history: of the journals.
        workflows: `status` and `output` (JSON text) by id.
        open_tasks: tasks that are not shown as ended.
        rows: journal, partition, offset and number of every event in the history table.
    """
    problems = [f"the read model shows an open task: {task}" for task in open_tasks]
    for _, event in history.of_type(*ENDS):
        row = workflows.get(event.workflow_id)
        name = event.type_name().removeprefix("Workflow")
        status = _STATUS.get(name, name.upper())
        if row is None or row["status"] != status:
            problems.append(f"the read model shows {event.workflow_id} as {row and row['status']}, not as {status}")
        elif isinstance(event, WorkflowSucceeded) and _json(row["output"]) != json.loads(event.output):
            problems.append(f"the read model shows {row['output']!r} of {event.workflow_id}, not {event.output!r}")
    shown = [Place(*row) for row in rows]
    distinct = set(shown)
    wanted = {
        entry.place
        for entry in history.entries
        if entry.place.topic in _JOURNALS and entry.event.type_name() not in _NO_HISTORY
    }
    if len(shown) != len(distinct):
        problems.append(f"the history table has {len(shown) - len(distinct)} rows twice")
    for what, places in (("lacks", wanted - distinct), ("has, but no journal,", distinct - wanted)):
        problems += [f"the history table {what} {place}" for place in sorted(places)[:_SHOWN]]
    return problems


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
