"""Where user data is opened and sealed in the decision service: at the border of the kernel, and nowhere else.

Programs see what users gave; the record, and every event that is made of a request, holds it sealed. Without keys this
costs nothing.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import msgspec

from headrace.engine.kernel.outcomes import NonDeterministic, Outcome, PayloadUnreadable, WorkflowFailure
from headrace.engine.kernel.requests import Request
from headrace.engine.programs.program import Result, RunInfo
from headrace.engine.tracebacks import cause_of
from headrace.payloads.encryption import MAGIC, Unreadable, is_sealed
from headrace.payloads.sealing import Sealing

_JSON = "application/json"
_FIRST = MAGIC[:1]


class RunSealing:
    """The border of one run (`headrace.engine.kernel.border.Border`). Raises `PayloadUnreadable` for what cannot be
    opened.
    """

    def __init__(self, sealing: Sealing, workflow_id: str) -> None:
        self._sealing = sealing
        self._workflow_id = workflow_id

    @property
    def changes_requests(self) -> bool:
        """Tell whether `request` does anything: not without keys."""
        return self._sealing.keys is not None

    def request(self, request: Request) -> Request:
        """Return what a program asks for, sealed."""
        return self._sealing.sealed(request, self._workflow_id)

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return the end of a step as the program sees it."""
        # Asked for every end of every step: what is sealed begins with a byte that no JSON begins with.
        if outcome.data[:1] != _FIRST and not outcome.cause:
            return outcome
        kind = "" if outcome.content_type == _JSON else outcome.content_type
        try:
            data, content_type = outcome.data, outcome.content_type
            if is_sealed(data, kind):
                data, content_type = self._sealing.open(data)
            cause = self._sealing.opened_text(outcome.cause)
        except Unreadable as error:
            raise PayloadUnreadable(str(error)) from error
        return msgspec.structs.replace(outcome, data=data, content_type=content_type, cause=cause)

    def info(self, info: RunInfo) -> RunInfo:
        """Return what a program may know of its run, opened."""
        try:
            return self._sealing.opened(info)
        except Unreadable as error:
            raise PayloadUnreadable(str(error)) from error

    def main(self, main: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, Result]:
        """Return a program's coroutine so that what it ends with is sealed."""
        return self._sealed(main) if self._sealing.keys is not None else main

    async def _sealed(self, main: Coroutine[Any, Any, Result]) -> Result:
        try:
            result = await main
        except NonDeterministic:
            raise
        except WorkflowFailure as failure:
            raise WorkflowFailure(failure.error, self._sealing.sealed_text(failure.cause, self._workflow_id)) from None
        except Exception as error:  # noqa: BLE001 (whatever an author's code raises ends the workflow)
            cause = self._sealing.sealed_text(cause_of(error), self._workflow_id)
            raise WorkflowFailure(type(error).__name__, cause) from None
        return self._sealing.sealed(result, self._workflow_id)
