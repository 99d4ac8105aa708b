"""Mutations of what schedules keep in mind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.engine.schedules.schedule import Schedule
from headrace.engine.schedules.schedules import SeenCommands
from tests.simulation.mutations.swapping import swapped


def commands_come_again() -> AbstractContextManager[None]:
    """A command that comes a second time is decided a second time."""
    return swapped(SeenCommands, "__contains__", lambda _: lambda seen, digest: False)


def overlap_is_not_heeded() -> AbstractContextManager[None]:
    """A schedule does not look whether something that it started still runs."""

    def make(_: Any) -> Any:
        return property(lambda schedule: False)

    return swapped(Schedule, "busy", make)
