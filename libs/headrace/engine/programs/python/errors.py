"""What a Python workflow can catch."""

from __future__ import annotations


class StepFailed(Exception):
    """A step did not succeed. `error` is the name of the failure, `cause` its text, `status` how the step ended."""

    def __init__(self, error: str, cause: str, *, status: str) -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error
        self.cause = cause
        self.status = status


class TaskFailed(StepFailed):
    """A task failed for good, took too long, or was given up. `task` is its name."""

    def __init__(self, error: str, cause: str, *, task: str, status: str) -> None:
        super().__init__(error, cause, status=status)
        self.task = task


class ChildFailed(StepFailed):
    """A child workflow did not succeed. `workflow` is the name of its definition."""

    def __init__(self, error: str, cause: str, *, workflow: str, status: str) -> None:
        super().__init__(error, cause, status=status)
        self.workflow = workflow


class MemoFailed(StepFailed):
    """A function of `ctx.memo` failed. `error` is the name of what it raised."""


class CompensationFailed(Exception):
    """Some of what was to be undone could not be; the others were."""


class AttachFailed(StepFailed):
    """A workflow that was waited for did not succeed, or cannot be waited for. `workflow_id` is its id."""

    def __init__(self, error: str, cause: str, *, workflow_id: str, status: str) -> None:
        super().__init__(error, cause, status=status)
        self.workflow_id = workflow_id


class SignalRefused(StepFailed):
    """A signal to another workflow was refused. `workflow_id` is that workflow's id."""

    def __init__(self, error: str, cause: str, *, workflow_id: str, status: str) -> None:
        super().__init__(error, cause, status=status)
        self.workflow_id = workflow_id


class CallbackFailed(StepFailed):
    """Whoever had the token has failed the callback, or completed it with something else than what was wanted."""


class WaitTimedOut(TimeoutError):
    """What a workflow has waited for did not come in time."""


class ReceiveTimedOut(WaitTimedOut):
    """No signal has come in time."""


class CallbackTimedOut(CallbackFailed, WaitTimedOut):
    """Nobody has completed a callback in time, or shown a sign of life."""


class SignalMismatch(ValueError):
    """The data of a signal is not what the workflow has asked for."""
