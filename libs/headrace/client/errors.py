"""What can go wrong between a client and a headrace. Texts say what was expected, what was found and what to do."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all errors of the client."""


class InvalidStart(ClientError, ValueError):
    """A command was refused before it was sent: a bad id, an input that is too large or no JSON."""


class NotReachable(ClientError, ConnectionError):
    """Kafka or the read API did not answer in time, or the namespace is not there."""


class TimedOut(NotReachable, TimeoutError):
    """The answer did not come in the time that the caller gave; the workflow goes on."""


class NoSuchWorkflow(ClientError, LookupError):
    """No workflow has this id."""


class ReadRefused(ClientError, ValueError):
    """The read API refused a question: a filter that is none, a cursor of another list."""


class StartRefused(ClientError):
    """The start was refused; nothing was changed. `error` is the name of the refusal, `cause` its text."""

    def __init__(self, workflow_id: str, error: str, cause: str) -> None:
        super().__init__(f"Expected {workflow_id} to start, but it was refused: {error}: {cause}")
        self.workflow_id = workflow_id
        self.error = error
        self.cause = cause


class CommandRefused(ClientError):
    """A command was refused; nothing was changed. `command` is its type, `error` the name of the refusal, `cause` its
    text.
    """

    def __init__(self, workflow_id: str, command: str, error: str, cause: str) -> None:
        super().__init__(f"Expected {workflow_id} to take {command}, but it was refused: {error}: {cause}")
        self.workflow_id = workflow_id
        self.command = command
        self.error = error
        self.cause = cause


class ResultMismatch(ClientError, ValueError):
    """The workflow succeeded, and its output is not of the type that was asked for."""


class WorkflowFailed(ClientError):
    """The workflow ended otherwise than by success, or is stuck. `status` says how; `error` and `cause` why."""

    def __init__(self, workflow_id: str, status: str, error: str, cause: str) -> None:
        # A cause begins with the reason; where it came from follows after an empty line, and stays in `cause`.
        first = cause.partition("\n\n")[0]
        reason = (
            first if error and first.startswith(f"{error}: ") else ": ".join(part for part in (error, first) if part)
        )
        super().__init__(f"Expected {workflow_id} to succeed, but it is {status}" + (f": {reason}" if reason else ""))
        self.workflow_id = workflow_id
        self.status = status
        self.error = error
        self.cause = cause
