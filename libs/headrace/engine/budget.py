"""The budget of one activation of user code, as a port: the engine knows no clock and no signal.

`headrace.runtime.budget.Budget` is the real one. What it raises is a `BaseException`, so that a user's `except
Exception` cannot swallow it; whoever sees it makes that workflow STUCK and goes on with the others.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class BudgetExceeded(BaseException):
    """User code or an expression used more time, depth or memory than it may have; the text says which."""

    def __init__(self, message: str = "Expected user code within its budget, but it used more") -> None:
        super().__init__(message)


class BudgetPort(Protocol):
    """What the engine asks for before it runs anything that a user wrote."""

    def activation(self, label: str) -> AbstractContextManager[None]:
        """Return the context in which one activation runs; `label` names it in messages and dumps.

        Raises (inside the context):
            BudgetExceeded: the activation took too much.
        """
        ...

    def progress(self) -> None:
        """Give the activation that runs its time anew: it has got somewhere, and will not do so for ever."""
        ...


class NoBudget:
    """No limit at all: for code that runs nothing of a user's, and for tests of other things."""

    def activation(self, label: str) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    def progress(self) -> None:
        """Nothing: time is not counted."""
