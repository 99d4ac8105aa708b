"""What an event does to the rows, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from headrace.contracts import topics

Key = tuple[Any, ...]

# What the decision service last said of an attempt; from FINAL on it does not change any more.
WAITING: Final = 1
SCHEDULED: Final = 2
RUNNING: Final = 3
FINAL: Final = 100
FINAL_STATUSES: Final[Mapping[str, int]] = {
    "SUCCEEDED": 100,
    "FAILED": 101,
    "TIMED_OUT": 102,
    "CANCELLED": 103,
    "SKIPPED": 104,
    "UPSTREAM_FAILED": 105,
}
# What the dispatcher last said of it.
NOT_DISPATCHED: Final = 0
QUEUED: Final = 1
UNSERVED: Final = 2
ASSIGNED: Final = 3

# The number of a journal in the history; decisions come first where times are equal.
SOURCES: Final[Mapping[str, int]] = {
    topics.WORKFLOW_JOURNAL: 0,
    topics.TASK_JOURNAL: 1,
    topics.RESOURCE_JOURNAL: 2,
}


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands: its journal record, and its number within the record, from 0."""

    topic: str
    partition: int
    offset: int
    seq: int = 0


class Put(msgspec.Struct, frozen=True, gc=False):
    """Make a row, or change the named columns of the one that is there."""

    table: str
    key: Key
    values: dict[str, Any]


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Remove a row if it is there. A `Put` of the same key after it makes a new one."""

    table: str
    key: Key


class Append(msgspec.Struct, frozen=True, gc=False):
    """Add a row to a table that only grows; the values in the order of its columns."""

    table: str
    row: tuple[Any, ...]


class CloseTasks(msgspec.Struct, frozen=True, gc=False):
    """Whatever is still open of a run, or of one step of it (-1: of all), is cancelled."""

    workflow_id: str
    run_id: str
    step: int
    reason: str
    at: int


Change = Put | Delete | Append | CloseTasks
Changes = Iterator[Change]


def task_key(event: Any, attempt: int | None = None) -> Key:
    """Return the key of the attempt that an event is about."""
    return (
        event.workflow_id,
        event.run_id,
        event.step,
        event.attempt if attempt is None else attempt,
    )


def run_of(run_id: str) -> dict[str, Any]:
    """Return the columns of a workflow's row that say which run it is; a run that continues another one is called
    `{first run}.{number}`.
    """
    return {"run_id": run_id, "origin": origin_of(run_id)}


def origin_of(run_id: str) -> str:
    """Return the first of the runs that continue one another."""
    return run_id.partition(".")[0]


def continuation_of(run_id: str) -> int:
    """Return how many runs it continues, one after the other; 0 for a run that a start began."""
    number = run_id.partition(".")[2]
    return int(number) if number.isdecimal() else 0


def final(status: str) -> int:
    """Return the code of the status that a step ended in; a terminated child is a cancelled step."""
    return (
        FINAL_STATUSES["CANCELLED"] if status == "TERMINATED" else FINAL_STATUSES.get(status, FINAL_STATUSES["FAILED"])
    )
