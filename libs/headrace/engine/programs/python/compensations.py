"""Sagas: what undoes the steps of a workflow, run in reverse when it fails or is cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, NonDeterministic
from headrace.engine.programs.python.errors import CompensationFailed, StepFailed
from headrace.engine.programs.python.payloads import arguments_payload
from headrace.engine.programs.python.targets import task_name

RunPayload = Callable[[Any, bytes, str], Awaitable[Any]]
"""Runs a task with a payload of arguments and its content type."""


class Undone(NamedTuple):
    """What is to be said of a compensation that failed; in `short`, without what its exception says of its data."""

    short: str
    text: str


class Saga:
    """What is to be undone, in the order in which it was registered, with the input that it had then."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._registered: list[tuple[Any, bytes, str]] = []
        self._run: RunPayload | None = None

    def __len__(self) -> int:
        return len(self._registered)

    def runs_by(self, run: RunPayload) -> None:
        """Say what runs the tasks."""
        self._run = run

    def add(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Register the call of a task."""
        task_name(task)
        self._registered.append((task, *arguments_payload(args, kwargs)))

    def forget(self) -> None:
        """Forget all of it."""
        self._registered.clear()

    async def undo(self) -> tuple[list[Undone], Cancelled | None]:
        """Run all of it, the last one first, to its end, also when the workflow is asked to end meanwhile.

        Returns what is to be said of each that failed, and that request.
        """
        fiber = self._kernel.spawn(self._undo())
        request: Cancelled | None = None
        while not fiber.done:
            try:
                await fiber
            except Cancelled as cancelled:
                request = cancelled
        return fiber.result(), request

    async def _undo(self) -> list[Undone]:
        assert self._run is not None
        failures: list[Undone] = []
        self._kernel.undoing = self._kernel.undoing or bool(self._registered)
        while self._registered:
            task, data, content_type = self._registered.pop()
            try:
                await self._run(task, data, content_type)
            except NonDeterministic:
                raise
            except Exception as error:  # noqa: BLE001 (one that fails does not stop the others)
                failures.append(_said_of(task_name(task), error))
        if self._kernel.undoing:
            self._kernel.undoing, self._kernel.undone_before = False, self._kernel.next_step
        return failures


def _said_of(task: str, error: Exception) -> Undone:
    """Return what is said of a compensation that failed; a traceback stands with its attempt, and not here."""
    name = error.error if isinstance(error, StepFailed) else type(error).__name__
    reason = (error.cause if isinstance(error, StepFailed) else str(error)).partition("\n")[0]
    text = reason if reason.startswith(name) else f"{name}: {reason}" if reason else name
    what = f"compensation {task} failed"
    return Undone(f"{what}: {name}", f"{what}: {text}")


class Sagas:
    """The part of `ctx` that undoes."""

    _saga: Saga

    def compensate(self, task: Any, *args: Any, **kwargs: Any) -> None:
        """Register a task that undoes what was done.

        When the workflow fails or is cancelled, what was registered is run in reverse, each as an ordinary task; one
        that fails does not stop the others, and is named in the cause.
        """
        self._saga.add(task, args, kwargs)

    def forget_compensations(self) -> None:
        """Forget what was registered: it is not undone any more."""
        self._saga.forget()

    async def undo(self) -> None:
        """Run what was registered now, in reverse.

        Raises:
            CompensationFailed: some of it failed; the others have run.
            Cancelled: the workflow was asked to end meanwhile; all have run.
        """
        failures, request = await self._saga.undo()
        if request is not None:
            for failure in failures:
                request.add_note(failure.short)
            raise request
        if failures:
            raise CompensationFailed("; ".join(failure.text for failure in failures))
