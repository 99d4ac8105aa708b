"""How a step ends, as a program sees it."""

from __future__ import annotations

import msgspec

SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
TIMED_OUT = "TIMED_OUT"
CANCELLED = "CANCELLED"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The end of a step. `status` is a task or workflow status; `data` holds the payload of a success."""

    status: str
    data: bytes = b"null"
    content_type: str = "application/json"
    error: str = ""
    cause: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether the step succeeded."""
        return self.status == SUCCEEDED


class Cancelled(BaseException):
    """Raised inside a workflow that was asked to end; it may clean up under it. Not an `Exception`, so that an
    `except Exception` in a workflow does not swallow it.
    """


class WorkflowFailure(Exception):
    """A program ends its workflow as FAILED with this error and cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class NonDeterministic(Exception):
    """A replay asked for something else than the record shows; the text shows both sides."""


class PayloadUnreadable(NonDeterministic):
    """The record cannot be read, so nothing can be replayed; the text says which key is missing."""
