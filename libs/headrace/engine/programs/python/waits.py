"""The part of `ctx` that waits for others: signals, other workflows, callbacks, and predicates."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, overload

from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import TIMED_OUT, Cancelled, Outcome
from headrace.engine.kernel.requests import Attach, OpenCallback, SendSignal
from headrace.engine.programs.python.errors import (
    AttachFailed,
    CallbackFailed,
    CallbackTimedOut,
    ReceiveTimedOut,
    SignalMismatch,
    SignalRefused,
    WaitTimedOut,
)
from headrace.engine.programs.python.limits import check_size
from headrace.engine.programs.python.payloads import to_json, typed_payload
from headrace.engine.programs.python.steps import Deadline, Duration, Steps, duration_ms
from headrace.payloads.typed import Mismatch

T = TypeVar("T")
_MISMATCH = "headrace.ResultMismatch"


class Waits(Steps):
    """Signals, other workflows, callbacks, predicates."""

    @overload
    async def receive(self, name: str, *, timeout: Duration | None = None) -> Any: ...
    @overload
    async def receive(self, name: str, *, timeout: Duration | None = None, type: type[T]) -> T: ...
    async def receive(self, name: str, *, timeout: Duration | None = None, type: Any = Any) -> Any:
        """Return the data of the next signal of a name: of one that has come already, or of the next that comes.

        Signals come in the order in which they were accepted, and each is received once.

        Raises:
            ReceiveTimedOut: none has come in time.
            SignalMismatch: its data does not fit `type`. The signal is taken all the same.
        """
        kernel = self._kernel
        receipt = kernel.receive(name)
        if not receipt.done:
            deadline = Deadline(kernel, "receive", timeout, lambda: kernel.withdraw(receipt))
            try:
                await receipt
            except (Cancelled, Exception):
                kernel.withdraw(receipt)
                deadline.stop()
                raise
            deadline.stop()
        signal = receipt.result()
        if signal is None:
            raise ReceiveTimedOut(f"Expected a signal {name} within {timeout}, but none has come")
        try:
            return typed_payload(signal.data, signal.content_type, type)
        except Mismatch as error:
            raise SignalMismatch(f"Expected a signal {name} with {type}, but {error}") from error

    async def wait_for(self, predicate: Callable[[], Any], *, timeout: Duration | None = None) -> None:
        """Wait until a predicate holds: it is asked now, and after everything that happens to the workflow. It may only
        look at values; what changes them runs beside (`ctx.spawn`).

        Raises:
            WaitTimedOut: it did not hold in time.
        """
        kernel = self._kernel
        holds = kernel.until(predicate)
        if not holds.done:
            deadline = Deadline(kernel, "wait_for", timeout, lambda: kernel.give_up_condition(holds))
            try:
                await holds
            except (Cancelled, Exception):
                kernel.give_up_condition(holds)
                deadline.stop()
                raise
            deadline.stop()
            if deadline.late:
                raise WaitTimedOut(f"Expected the predicate to hold within {timeout}, but it did not")
        holds.result()

    @overload
    async def attach(self, id: str, *, timeout: Duration | None = None) -> Any: ...
    @overload
    async def attach(self, id: str, *, timeout: Duration | None = None, type: type[T]) -> T: ...
    async def attach(self, id: str, *, timeout: Duration | None = None, type: Any = Any) -> Any:
        """Return the output of a workflow that somebody else has started: running, or ended lately.

        Raises:
            AttachFailed: it did not succeed, nobody knows it, or its result is forgotten; `error` says which.
            WaitTimedOut: it has not ended in time. It goes on.
        """
        if id == self._run.workflow_id:
            raise ValueError(f"Expected the id of another workflow, but {id} would wait for itself")
        kernel = self._kernel
        future = kernel.request(Attach(node="attach", target=id))
        deadline = Deadline(kernel, "attach", timeout, lambda: kernel.give_up("attach", future, "it took too long"))
        try:
            outcome = await self._step(future, "attach")
        except (Cancelled, Exception):
            deadline.stop()
            raise
        deadline.stop()
        if deadline.late:
            raise WaitTimedOut(f"Expected workflow {id} to end within {timeout}, but it goes on")
        if not outcome.ok:
            raise AttachFailed(outcome.error, outcome.cause, workflow_id=id, status=outcome.status)
        try:
            return typed_payload(outcome.data, outcome.content_type, type)
        except Mismatch as error:
            cause = f"Expected workflow {id} to return {type}, but {error}"
            raise AttachFailed(_MISMATCH, cause, workflow_id=id, status=outcome.status) from error

    async def signal(self, id: str, name: str, data: Any = None) -> None:
        """Send a signal to another workflow, and wait until it is accepted.

        Raises:
            SignalRefused: no such workflow is running, or it has too many signals that it has not asked for.
        """
        encoded = to_json(data)
        check_size("the data of a signal", len(encoded), self._limits.payload_bytes)
        request = SendSignal(node="signal", target=id, name=name, data=encoded)
        outcome = await self._step(self._kernel.request(request), "signal")
        if not outcome.ok:
            raise SignalRefused(outcome.error, outcome.cause, workflow_id=id, status=outcome.status)

    @overload
    def callback(self, *, timeout: Duration | None = None, heartbeat: Duration | None = None) -> Callback[Any]: ...
    @overload
    def callback(
        self, *, timeout: Duration | None = None, heartbeat: Duration | None = None, type: type[T]
    ) -> Callback[T]: ...
    def callback(
        self, *, timeout: Duration | None = None, heartbeat: Duration | None = None, type: Any = Any
    ) -> Callback[Any]:
        """Open a callback: whoever gets its `token` completes or fails it; `await` gives what it was completed with.

        It is given up after `timeout`, or when nobody has shown a sign of life for `heartbeat`. None: never.
        """
        request = OpenCallback(
            node="callback",
            timeout_ms=max(1, duration_ms(timeout)) if timeout is not None else 0,
            heartbeat_ms=max(1, duration_ms(heartbeat)) if heartbeat is not None else 0,
        )
        return Callback(self._run, self._kernel, request, type)


class Callback(Steps, Generic[T]):
    """Something that is completed from outside. `token` is what its holder needs for that."""

    def __init__(self, run: Any, kernel: Kernel, request: OpenCallback, type: Any) -> None:
        super().__init__(run, kernel)
        self._future: StepFuture[Outcome] = kernel.request(request)
        self._type = type
        self.token = kernel.token(self._future.step)

    def __await__(self) -> Generator[Any, None, T]:
        return self._result().__await__()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done

    async def _result(self) -> Any:
        outcome = await self._step(self._future, "callback")
        if not outcome.ok:
            kind = CallbackTimedOut if outcome.status == TIMED_OUT else CallbackFailed
            raise kind(outcome.error, outcome.cause, status=outcome.status)
        try:
            return typed_payload(outcome.data, outcome.content_type, self._type)
        except Mismatch as error:
            cause = f"Expected a callback with {self._type}, but {error}"
            raise CallbackFailed(_MISMATCH, cause, status=outcome.status) from error
