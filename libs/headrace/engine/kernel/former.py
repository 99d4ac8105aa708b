"""What a kernel knows of the runs before its own: of the one that it was retried from, of those that it continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headrace.engine.kernel.outcomes import Outcome


class CarriedValues(Protocol):
    """What a retried run takes over of what the run before noted."""

    @property
    def versions(self) -> Mapping[str, int]:
        """The ways that it went, by name."""

    def value(self, fingerprint: str, passed: int) -> Outcome | None:
        """Return what a step had, of those that are left after `passed` ones."""

    def child(self, fingerprint: str, digest: bytes, passed: int) -> str:
        """Return the id that a child had, after `passed` ones like it; empty where there was none."""


Seeds = Sequence[tuple[int, str]]
"""What randomness derives from, each with the step that it begins at; the first one begins at 0."""


def seed_at(seeds: Seeds, step: int) -> str:
    """Return what randomness derives from at a step; empty where nothing is said of it."""
    seed = ""
    for begins_at, text in seeds:
        if begins_at > step:
            break
        seed = text
    return seed
