"""`Retry`: when a failed attempt of a task is tried again; and `NonRetryable`, which says that it must not be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from headrace.authoring.durations import Duration, duration_ms
from headrace.contracts.retry import RetryPolicy

Given = TypeVar("Given")
ErrorName = str | type[BaseException]
# More attempts than anybody waits for; the graph document has the same limits.
MAX_ATTEMPTS = 1_000
MAX_BACKOFF = 100.0
# A class with more bases, or a longer name, is machine-made; nobody writes it into a rule.
_MAX_BASES = 32
_MAX_NAME_CHARACTERS = 200


class NonRetryable(Exception):
    """Raised in a task, it fails the task for good, whatever its retry rules say. Subclass it to name the error."""

    non_retryable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Retry rules: either pauses one by one, or a growing interval.

    `Retry(schedule=["5m", "10m"])` tries again after five minutes, then after ten more. `Retry(max_attempts=4,
    interval="1s")` makes at most four attempts, with pauses of one second, two, four. `on` and `off` name errors, as
    classes or by name; `off` wins.

    Attributes:
        schedule: the pauses, one per retry.
        max_attempts: attempts in all, the first included; 3 where no schedule is given.
        interval: the pause before the second attempt.
        backoff: the factor by which the pause grows.
        max_interval: the longest pause.
        jitter: the share of the pause, 0 to 1, that is drawn at random.
        on: the only errors to try again after; empty: all.
        off: the errors not to try again after.
    """

    schedule: Iterable[Duration] = ()
    max_attempts: int | None = None
    interval: Duration = 1
    backoff: float = 2.0
    max_interval: Duration = 60
    jitter: float = 0.0
    on: Iterable[ErrorName] = ()
    off: Iterable[ErrorName] = ()

    def policy(self) -> RetryPolicy:
        """Return the rules as they travel with a task.

        Raises:
            ValueError: a number is out of its range, or schedule and max_attempts are both given.
            TypeError: a list is expected, but something else was given.
        """
        on, off = error_names(self.on, "on"), error_names(self.off, "off")
        pauses = [duration_ms(pause, "retry schedule") for pause in _many(self.schedule, "schedule")]
        if pauses:
            if self.max_attempts is not None:
                raise ValueError("Expected either schedule or max_attempts in Retry, but found both")
            if len(pauses) >= MAX_ATTEMPTS:
                raise ValueError(f"Expected fewer than {MAX_ATTEMPTS} pauses in Retry, but found {len(pauses)}")
            return RetryPolicy(max_attempts=len(pauses) + 1, schedule=pauses, on=on, off=off)
        attempts = 3 if self.max_attempts is None else self.max_attempts
        if type(attempts) is not int or not 1 <= attempts <= MAX_ATTEMPTS:
            raise ValueError(f"Expected max_attempts from 1 to {MAX_ATTEMPTS} in Retry, but found {attempts!r}")
        return RetryPolicy(
            max_attempts=attempts,
            interval_ms=duration_ms(self.interval, "retry interval"),
            backoff=_number(self.backoff, "backoff", 1.0, MAX_BACKOFF),
            max_interval_ms=duration_ms(self.max_interval, "retry max_interval"),
            jitter=_number(self.jitter, "jitter", 0.0, 1.0),
            on=on,
            off=off,
        )


def names_of(error: BaseException) -> list[str]:
    """Return more names by which retry rules find an error: its qualified one, and those of its base classes."""
    names: dict[str, None] = {}
    for cls in type(error).__mro__[:_MAX_BASES]:
        if cls is not object:
            names[cls.__name__] = names[f"{cls.__module__}.{cls.__qualname__}"] = None
    return [name for name in names if name != type(error).__name__ and len(name) <= _MAX_NAME_CHARACTERS]


def error_names(errors: Iterable[ErrorName], field: str) -> list[str]:
    """Return errors by name: a class stands for its own name.

    Raises:
        ValueError: one is neither a name nor an exception class.
    """
    names = []
    given: list[object] = list(_many(errors, field))
    for error in given:
        if isinstance(error, type) and issubclass(error, BaseException):
            names.append(error.__name__)
        elif isinstance(error, str) and error:
            names.append(error)
        else:
            raise ValueError(f"Expected exception classes or their names as {field} of Retry, but found {error!r}")
    return names


def _many(values: Iterable[Given], field: str) -> Iterable[Given]:
    if isinstance(values, str | bytes | type) or not hasattr(values, "__iter__"):
        raise TypeError(f"Expected a list as {field} of Retry, but found {values!r}")
    return values


def _number(value: object, field: str, lowest: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"Expected a number as {field} of Retry, but found {value!r}")
    if not lowest <= value <= highest:
        raise ValueError(f"Expected {field} of Retry from {lowest:g} to {highest:g}, but found {value!r}")
    return float(value)
