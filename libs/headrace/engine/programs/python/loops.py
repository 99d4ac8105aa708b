"""Workflows without an end: loops whose former iterations leave the record, and workflows that begin anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Generic, NoReturn, TypeVar

from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, WorkflowFailure
from headrace.engine.kernel.requests import LOOP_NODE, BeginLoop, Continue, ResumeLoop, resumed_fingerprint
from headrace.engine.programs.python.compensations import Saga
from headrace.engine.programs.python.limits import PythonLimits, check_size
from headrace.engine.programs.python.payloads import arguments_payload, to_json, typed_payload

S = TypeVar("S")
_PLAIN = (dict, list, str, int, float, bool, type(None))


class Loop(AsyncIterator[S], Generic[S]):
    """`async for state in ctx.loop({...})`: the state is changed in place, or set as `loop.state`.

    Each iteration gets what JSON holds of the state that the one before left. Between two of them, the run goes on
    with a record that ends at the loop's own step, once the iterations have recorded enough: then the state is all that
    is left of them.
    """

    def __init__(self, kernel: Kernel, limits: PythonLimits, saga: Saga, state: S) -> None:
        self.state = state
        self._kernel = kernel
        self._limits = limits
        self._saga = saga
        self._type: Any = Any if isinstance(state, _PLAIN) else type(state)
        self._step = -1
        self._alone = False
        self._registered = 0
        self._heard = 0
        self._delivered = 0
        self._unread: tuple[int, ...] = ()

    async def __anext__(self) -> S:
        """Begin the next iteration."""
        if self._step < 0:
            await self._begin()
        else:
            await self._next()
        return self.state

    async def _begin(self) -> None:
        kernel = self._kernel
        self._step = kernel.next_step
        self._alone = kernel.alone
        self._registered = len(self._saga)
        data = self._encoded()
        resumed = resumed_fingerprint(LOOP_NODE)
        if kernel.next_recorded == resumed or kernel.carried_value(resumed) is not None:
            # What has been heard until here belongs to the steps before the loop: it stays when the loop goes on again.
            self._note_what_was_heard()
            data = (await kernel.request(ResumeLoop(node=LOOP_NODE))).data
        else:
            kernel.request(BeginLoop(node=LOOP_NODE, state=data))
            self._note_what_was_heard()
        self._heard = kernel.heard
        self._decode(data)

    async def _next(self) -> None:
        data = self._encoded()
        if self._may_go_on_anew():
            await self._kernel.go_on(
                Continue(
                    node=LOOP_NODE,
                    kept_steps=self._step + 1,
                    state=data,
                    heard_before=self._delivered,
                    unread_before=self._unread,
                )
            )
        self._decode(data)

    def _may_go_on_anew(self) -> bool:
        """Tell whether the loop's state is all that is needed to go on, and the iterations have recorded enough.

        Not when nothing was waited for: an iteration that only computes must end, or use up its budget.
        """
        kernel = self._kernel
        return (
            self._alone
            and kernel.alone
            and not kernel.cancelled
            and kernel.next_recorded is None
            # Going on replays what is kept: so it waits for as many steps, and each step pays for one at most.
            and kernel.next_step - self._step > max(self._limits.loop_steps, self._step)
            and (kernel.heard > self._heard or self._has_taken_signals())
            and len(self._saga) == self._registered
        )

    def _has_taken_signals(self) -> bool:
        return self._kernel.delivered - self._delivered > len(self._kernel.unread) - len(self._unread)

    def _note_what_was_heard(self) -> None:
        self._delivered = self._kernel.delivered
        self._unread = tuple(self._kernel.unread)

    def _encoded(self) -> bytes:
        data = to_json(self.state)
        if self._kernel.next_recorded is None:
            check_size("the state of a loop", len(data), self._limits.payload_bytes)
        return data

    def _decode(self, data: bytes) -> None:
        self.state = typed_payload(data, "application/json", self._type)


class Loops:
    """The part of `ctx` that keeps endless workflows small."""

    _kernel: Kernel
    _limits: PythonLimits
    _saga: Saga

    def loop(self, state: S) -> Loop[S]:
        """Return a loop over a state that JSON can hold: `async for state in ctx.loop({"month": 0})`.

        It goes on until `break`. Its record stays small as long as nothing else runs beside it: no spawned coroutine,
        no child that was not awaited, no compensation that was registered in it.
        """
        return Loop(self._kernel, self._limits, self._saga, state)

    async def continue_as_new(self, *args: Any, **kwargs: Any) -> NoReturn:
        """End this run and begin anew, at once, with this input and an empty record; nothing after it is run.

        Signals that nobody has taken go along, and so does who waits for this workflow; what is open is given up.

        Raises:
            WorkflowFailure: this run has waited for nothing, so the next one would come here at once too; or something
                is left to be undone.
            ValueError: the input is too large.
            Cancelled: the workflow was asked to end.
        """
        kernel = self._kernel
        data, content_type = arguments_payload(args, kwargs)
        check_size("the input of a workflow", len(data), self._limits.payload_bytes)
        if kernel.cancelled:
            raise Cancelled("the workflow was asked to end, so it does not go on")
        if len(self._saga):
            raise WorkflowFailure(
                "headrace.OpenCompensations",
                f"Expected nothing left to be undone, but {len(self._saga)} compensations are registered; "
                "call ctx.forget_compensations() once they are no longer needed",
            )
        if not kernel.heard and kernel.delivered == len(kernel.unread):
            raise WorkflowFailure(
                "headrace.ContinuedAtOnce",
                "Expected a run that waits for something before it goes on anew, but it has asked for nothing that "
                "ends later; the next one would come here at once, and so on for ever",
            )
        await kernel.go_on(Continue(node="continue", input=data, content_type=content_type))
        raise AssertionError("Expected a coroutine that is dropped when its run goes on anew")
