"""Commands to the resource manager. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class DeclareResource(Message, frozen=True, kw_only=True):
    """Make a named semaphore known, or change its capacity."""

    command_id: str
    resource: str
    capacity: int
    issued_at: int
    declared_by: str = ""
