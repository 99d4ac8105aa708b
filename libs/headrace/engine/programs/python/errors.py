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
