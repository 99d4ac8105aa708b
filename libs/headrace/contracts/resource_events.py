"""Events of shared resources and their leases. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder


class ResourceDeclared(Message, frozen=True, kw_only=True):
    """A named semaphore is known, or its capacity changed."""

    resource: str
    capacity: int
    declared_by: str = ""
    at: int


class LeaseQueued(Message, frozen=True, kw_only=True):
    """A request waits for units."""

    resource: str
    units: int
    priority: int = 5
    holder: LeaseHolder
    at: int


class LeaseGranted(Message, frozen=True, kw_only=True):
    """A request holds its units."""

    resource: str
    units: int
    fencing_token: int
    holder: LeaseHolder
    to_shard: int
    at: int


class LeaseReleased(Message, frozen=True, kw_only=True):
    """Units came back."""

    resource: str
    units: int
    fencing_token: int
    holder: LeaseHolder
    reason: str
    at: int


class LeaseRefused(Message, frozen=True, kw_only=True):
    """A request can never be granted."""

    resource: str
    units: int
    holder: LeaseHolder
    to_shard: int
    error: str
    cause: str
    at: int
