"""Failures that a test injects: which attempt of which task fails, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from headrace.contracts.task_events import TaskScheduled
from headrace.testing.tasks import Hang

Injected: TypeAlias = BaseException | Hang | type[BaseException | Hang]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """How some attempts of a task end without being run. No `attempts`: all of them; no `index`: every item."""

    task: str
    error: Injected
    attempts: frozenset[int] = frozenset()
    index: int | None = None

    def concerns(self, task: TaskScheduled) -> bool:
        """Tell whether an attempt is to fail in this way."""
        return (
            self.task == task.task
            and (not self.attempts or task.attempt in self.attempts)
            and (self.index is None or self.index == task.index)
        )


Failures: TypeAlias = Mapping[str, Sequence[Injected | None]] | Iterable[Failure]
"""What a test says of failures: of each task what its first, second, ... attempt ends with (None: it runs), or a list
of what `fail` returns.
"""


def fail(task: str, error: Injected, *, attempt: int | Iterable[int] = (), index: int | None = None) -> Failure:
    """Return a failure to inject.

    Args:
        task: name of the task.
        error: an exception or its class, or `Hang` for an attempt that never answers.
        attempt: number or numbers of the attempts, from 1; all unless given.
        index: place of the item in a `map` or `foreach`, from 0; all unless given.
    """
    attempts = frozenset((attempt,) if isinstance(attempt, int) else attempt)
    if any(number < 1 for number in attempts):
        raise ValueError(f"Expected attempts from 1 on, but found {sorted(attempts)} for task {task}")
    return Failure(task=task, error=error, attempts=attempts, index=index)


def listed(failures: Failures) -> list[Failure]:
    """Return failures as a list, however a test says them."""
    if not isinstance(failures, Mapping):
        return list(failures)
    return [
        fail(task, error, attempt=attempt)
        for task, attempts in failures.items()
        for attempt, error in enumerate(attempts, 1)
        if error is not None
    ]


def injected(failures: Sequence[Failure], task: TaskScheduled) -> Injected | None:
    """Return what an attempt is to end with; None where it is to run."""
    return next((failure.error for failure in failures if failure.concerns(task)), None)
