"""A workflow's side of a lease. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class LeaseRequested(Message, frozen=True, kw_only=True):
    """A task asks for units of a resource."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    resource: str
    units: int
    capacity: int = 0
    priority: int = 5
    at: int
    trace: str = ""


class LeaseRecorded(Message, frozen=True, kw_only=True):
    """The workflow took note of a lease that was granted."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    resource: str
    fencing_token: int
    at: int


class LeaseReturned(Message, frozen=True, kw_only=True):
    """A lease came that nobody waits for any more; it goes back at once."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    resource: str
    fencing_token: int
    at: int
