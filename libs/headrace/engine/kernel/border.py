"""What passes between a program and its record may look different on either side: sealed in the record, say."""

from __future__ import annotations

from typing import Protocol

from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import Request


class Border(Protocol):
    """Both directions, for one run. What it does to a request is a function of the request and the run."""

    @property
    def changes_requests(self) -> bool:
        """Tell whether `request` ever gives anything else than it got."""

    def request(self, request: Request) -> Request:
        """Return a program's request as the record is to have it."""

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return an outcome of the record as the program is to see it. Raises `NonDeterministic` where it cannot."""
