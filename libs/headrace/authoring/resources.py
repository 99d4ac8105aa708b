"""`resource`: a named semaphore, declared in a module. Deploying the module publishes it to the resource manager."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.authoring.names import check_name

# The wire holds it as a 32-bit number; a semaphore this large limits nothing any more.
MAX_CAPACITY = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDefinition:
    """A resource with this many units. Tasks ask for some of them by its name and run only while they hold them."""

    name: str
    capacity: int


def resource(name: str, capacity: int) -> ResourceDefinition:
    """Declare a resource.

    Raises:
        ValueError: the name or the capacity does not fit.
    """
    if type(capacity) is not int or not 1 <= capacity <= MAX_CAPACITY:
        raise ValueError(f"Expected a capacity from 1 to {MAX_CAPACITY} for resource {name!r}, but found {capacity!r}")
    return ResourceDefinition(name=check_name(name, "the resource"), capacity=capacity)
