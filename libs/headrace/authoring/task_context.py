"""`current()`: what a running task knows of itself, and how it speaks to the worker that runs it.

Outside of a worker, as in a unit test that calls the task as a plain function, `current()` gives a context without ids:
logging goes to the standard library, and heartbeats go nowhere.
"""

from __future__ import annotations

import contextvars
import logging
import operator
from collections.abc import Callable
from typing import Any, Protocol

_log = logging.getLogger("headrace.task")
# Longer names are no names: a dataset is told apart by its first characters.
_DATASET_CHARACTERS = 200


class TaskSink(Protocol):
    """Where what a task says goes: the worker, or nowhere. Called from the task's own thread or loop."""

    def line(self, level: str, message: str) -> None:
        """Take a line that the task logged; level is debug, info, warning or error."""

    def heartbeat(self, details: Any) -> None:
        """Note that the task is alive."""

    def record_io(self, *, rows: int, bytes: int, dataset: str) -> None:  # noqa: A002  the unit is the name users know
        """Take an account of what the task read or wrote."""


class StopFlag:
    """Whether a task was told to end. Nobody waits for it, so it is far cheaper than an `Event`."""

    __slots__ = ("_callbacks", "_set")

    def __init__(self) -> None:
        self._set = False
        self._callbacks: list[Callable[[], object]] | None = None

    def set(self) -> None:
        """Tell the task to end."""
        self._set = True

    def is_set(self) -> bool:
        """Tell whether it was told."""
        return self._set

    @property
    def has_callbacks(self) -> bool:
        """Tell whether somebody wants to be called."""
        return bool(self._callbacks)

    def add(self, callback: Callable[[], object]) -> None:
        """Call back once when the task is told to end; at once, and here, where it was told already."""
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)
        if self._set:
            self.call_back()

    def call_back(self) -> None:
        """Call whom nobody has called yet, last added first. What one raises is logged: the others are called too."""
        # Taking one from the list is atomic, so that whoever sets the flag and whoever adds do not both call it.
        while self._callbacks:
            try:
                callback = self._callbacks.pop()
            except IndexError:
                return
            try:
                callback()
            except Exception:  # noqa: BLE001  whatever it raises, the others are called too
                _log.exception("a callback of a task that was cancelled failed")


class TaskLog:
    """Logs lines of the running task; they go to the logs topic with the task's ids. Arguments are as in `logging`."""

    def __init__(self, sink: TaskSink) -> None:
        self._sink = sink

    def debug(self, message: object, *args: object) -> None:
        """Log at level debug."""
        self._sink.line("debug", _text(message, args))

    def info(self, message: object, *args: object) -> None:
        """Log at level info."""
        self._sink.line("info", _text(message, args))

    def warning(self, message: object, *args: object) -> None:
        """Log at level warning."""
        self._sink.line("warning", _text(message, args))

    def error(self, message: object, *args: object) -> None:
        """Log at level error."""
        self._sink.line("error", _text(message, args))


class TaskContext:
    """One attempt of a task, as seen from inside.

    Attributes:
        log: logs with this attempt's ids.
        attempt: from 1.
        assignment: number of this delivery of the attempt; grows with every redelivery.
        fencing_token: token of the lease that the attempt holds, for what the lease protects; 0 without one.
        details: what an earlier run of this task gave to its last `heartbeat(details)`; None without any.
        idempotency_key: stable over redeliveries of one attempt.
        task_key: stable over all attempts.
    """

    def __init__(
        self,
        sink: TaskSink,
        *,
        workflow_id: str = "",
        run_id: str = "",
        step: int = -1,
        attempt: int = 0,
        assignment: int = 0,
        fencing_token: int = 0,
        task: str = "",
        stop: StopFlag | None = None,
        details: Any = None,
    ) -> None:
        self.log = TaskLog(sink)
        self.task = task
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.step = step
        self.attempt = attempt
        self.assignment = assignment
        self.fencing_token = fencing_token
        self.details = details
        self._sink = sink
        self._stop = stop or StopFlag()

    @property
    def task_key(self) -> str:
        """Return the key that all attempts of this task share."""
        return f"{self.run_id}/{self.step}"

    @property
    def idempotency_key(self) -> str:
        """Return the key that all deliveries of this attempt share."""
        return f"{self.run_id}/{self.step}/{self.attempt}"

    @property
    def cancelled(self) -> bool:
        """Tell whether nobody wants the result any more.

        A thread cannot be ended from outside: a long task looks at this now and then, and returns.
        """
        return self._stop.is_set()

    def on_cancel(self, function: Callable[[], object]) -> None:
        """Call a function once nobody wants the result any more: to close a connection that the task waits for, say.

        It is called in another thread, with the task's context; at once where the task is cancelled already.
        """
        context = contextvars.copy_context()
        self._stop.add(lambda: context.run(function))

    def heartbeat(self, details: Any = None) -> None:
        """Say that the attempt is alive; under `heartbeat=...` a longer silence than that ends it.

        The last details, as JSON, reach the next run of the task, on whichever worker and in whichever attempt, as
        `current().details`. Raises ValueError where they are too large.
        """
        self._sink.heartbeat(details)

    def record_io(self, *, rows: int = 0, bytes: int = 0, dataset: str = "") -> None:  # noqa: A002  as above
        """Account for what was read or written; it goes out with the attempt's result or failure, summed by dataset.

        Raises:
            TypeError, ValueError: a number is none, or negative, or the dataset is no text.
        """
        self._sink.record_io(rows=_amount("rows", rows), bytes=_amount("bytes", bytes), dataset=_dataset(dataset))


class _Detached:
    """The sink outside of a worker."""

    def line(self, level: str, message: str) -> None:
        _log.log(logging.getLevelNamesMapping()[level.upper()], "%s", message)

    def heartbeat(self, details: Any) -> None:
        """Nobody listens."""

    def record_io(self, *, rows: int, bytes: int, dataset: str) -> None:  # noqa: A002  as above
        """Nobody counts."""


_DETACHED = TaskContext(_Detached())
_current: contextvars.ContextVar[TaskContext] = contextvars.ContextVar("headrace_task", default=_DETACHED)


def current() -> TaskContext:
    """Return the context of the attempt that runs here."""
    return _current.get()


class running:  # noqa: N801  a context manager, used like a function; a generator would cost a task a microsecond
    """Make `context` the current one within the block; for workers and tests."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: TaskContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def _text(message: object, args: tuple[object, ...]) -> str:
    text = str(message)
    if not args:
        return text
    try:
        return text % args
    except (TypeError, ValueError):  # a log line must not fail the task that writes it
        return f"{text} {args!r}"


def _amount(name: str, value: int) -> int:
    """Return a number that the wire can hold; NumPy's and the like are fine."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"Expected {name} to be a whole number, but found {value!r}") from None
    if not 0 <= number < 2**63:
        raise ValueError(f"Expected {name} to be from 0 to 2**63 - 1, but found {number}")
    return number


def _dataset(value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"Expected the dataset's name to be a str, but found {value!r}")
    return value[:_DATASET_CHARACTERS].encode("utf-8", "backslashreplace").decode()
