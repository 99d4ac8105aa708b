"""`ctx`: what a Python workflow is given to ask for steps."""

from __future__ import annotations

import random
import uuid
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, overload

from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.requests import Sleep
from headrace.engine.programs.program import RunInfo
from headrace.engine.programs.python.children import Children
from headrace.engine.programs.python.compensations import Saga, Sagas
from headrace.engine.programs.python.errors import TaskFailed
from headrace.engine.programs.python.group import Group
from headrace.engine.programs.python.limits import PythonLimits, check_size
from headrace.engine.programs.python.loops import Loops
from headrace.engine.programs.python.notes import Notes
from headrace.engine.programs.python.payloads import arguments_payload, from_payload
from headrace.engine.programs.python.results import task_result
from headrace.engine.programs.python.steps import Duration, duration_ms
from headrace.engine.programs.python.targets import TypedTask, task_request
from headrace.engine.programs.python.together import Together
from headrace.engine.task_versions import COMPATIBLE

P = ParamSpec("P")
R = TypeVar("R")


class WorkflowContext(Children, Together, Notes, Loops, Sagas):
    """Handed to a `@workflow` function as its first argument. Everything that it does is recorded."""

    def __init__(
        self,
        run: RunInfo,
        kernel: Kernel,
        task_versions: str = COMPATIBLE,
        *,
        saga: Saga | None = None,
        limits: PythonLimits | None = None,
    ) -> None:
        super().__init__(run, kernel)
        self._task_versions = task_versions
        self._saga = saga if saga is not None else Saga(kernel)
        self._saga.runs_by(self._run_payload)
        self._limits = limits or PythonLimits()
        self._versions = {}
        self._searched = set()
        self._generator: tuple[int, random.Random | None] = (-1, None)

    @property
    def workflow_id(self) -> str:
        """Id of the workflow."""
        return self._run.workflow_id

    @property
    def run_id(self) -> str:
        """Id of this run, as it was when what stands here was recorded: it changes when the workflow goes on anew."""
        return self._kernel.seed

    @property
    def attempt(self) -> int:
        """Number of this run under its workflow id, from 1."""
        return self._run.attempt

    @property
    def previous(self) -> Any:
        """The last result of this workflow under the same key; None where there is none."""
        return from_payload(self._run.previous) if self._run.previous else None

    @property
    def now(self) -> datetime:
        """The time of the event that the workflow reacts to, in UTC; the same in every replay."""
        return datetime.fromtimestamp(self._kernel.now_ms / 1000, UTC)

    @property
    def random(self) -> random.Random:
        """A generator that is seeded by the run and the step: the same in every replay."""
        step, generator = self._generator
        if generator is None or step != self._kernel.next_step:
            step, generator = self._kernel.next_step, random.Random(f"{self._kernel.seed}/{self._kernel.next_step}")
            self._generator = (step, generator)
        return generator

    def uuid(self) -> uuid.UUID:
        """Return a random UUID that is the same in every replay."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    @overload
    async def run(self, task: TypedTask[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    async def run(self, task: TypedTask[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    async def run(self, task: str, *args: Any, **kwargs: Any) -> Any: ...
    async def run(self, task: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a task and return what it returns.

        Raises:
            TaskFailed: the task failed for good, took too long, or could not be scheduled.
        """
        return await self._task(task, -1, args, kwargs)

    @overload
    async def map(
        self, task: TypedTask[..., Coroutine[Any, Any, R]], items: Iterable[Any], *, concurrency: int = 0
    ) -> list[R]: ...
    @overload
    async def map(self, task: TypedTask[..., R], items: Iterable[Any], *, concurrency: int = 0) -> list[R]: ...
    @overload
    async def map(self, task: str, items: Iterable[Any], *, concurrency: int = 0) -> list[Any]: ...
    async def map(self, task: Any, items: Iterable[Any], *, concurrency: int = 0) -> list[Any]:
        """Run a task once per item, and return the results in the order of the items.

        `concurrency` bounds how many run at once; 0 means no bound. The first failure cancels the others and is raised.
        """
        todo = list(items)
        results: list[Any] = [None] * len(todo)
        places = iter(range(len(todo)))

        async def lane() -> None:
            for at in places:
                results[at] = await self._task(task, at, (todo[at],), {})

        lanes = min(concurrency, len(todo)) if concurrency > 0 else len(todo)
        await Group(self._kernel, [lane() for _ in range(lanes)]).results()
        return results

    async def sleep(self, duration: Duration) -> None:
        """Wait. A number is seconds; a text is like `5m` or `1h30m`."""
        await self._step(self._kernel.request(Sleep(node="sleep", duration_ms=duration_ms(duration))), "sleep")

    async def sleep_until(self, when: datetime) -> None:
        """Wait until a time; one that has passed does not wait."""
        pause = max(0, int(when.timestamp() * 1000) - self._kernel.now_ms)
        await self._step(self._kernel.request(Sleep(node="sleep", duration_ms=pause)), "sleep")

    async def _task(self, task: Any, index: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await self._run_payload(task, *arguments_payload(args, kwargs), index=index)

    async def _run_payload(self, task: Any, data: bytes, content_type: str, index: int = -1) -> Any:
        # What the workflow makes itself must fit the log: nothing is stored elsewhere while it is decided.
        check_size("the input of a task", len(data), self._limits.payload_bytes)
        seed = f"{self._kernel.seed}/{self._kernel.next_step}/"
        request = task_request(
            task,
            index,
            data,
            content_type,
            now_ms=self._kernel.now_ms,
            seed=seed,
            task_versions=self._task_versions,
        )
        outcome = await self._step(self._kernel.request(request), request.node)
        if outcome.ok:
            return task_result(task, request.task, outcome)
        raise TaskFailed(outcome.error, outcome.cause, task=request.task, status=outcome.status)
