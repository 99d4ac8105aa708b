"""Waiting for the end of a workflow: what to ask next, when to stop, what to return or raise. The clients ask and
sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from headrace.client import reads
from headrace.client.errors import NotReachable, TimedOut


class Waiting:
    """One wait. `timeout_s` None waits for as long as the read API is there. The API holds its answer back until the
    end comes, unless the caller wants to `watch` what happens on the way.
    """

    def __init__(
        self,
        workflow_id: str,
        *,
        position: str,
        command_id: str,
        timeout_s: float | None,
        watch: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._id = workflow_id
        self._position = position
        self._command_id = command_id
        self._timeout_s = timeout_s
        self._watch = watch
        self._is_first = True
        self._clock = clock
        self._deadline = None if timeout_s is None else clock() + timeout_s
        self._away_since: float | None = None
        self._pause_s = reads.FIRST_PAUSE_S

    def question(self) -> reads.Question:
        """Return what to ask now."""
        left_s = float("inf") if self._deadline is None else max(0.0, self._left_s())
        # The first answer comes at once: the start may have been refused while another workflow runs under this id.
        end_s = 0.0 if self._watch or self._is_first else min(reads.END_S, left_s)
        self._is_first = False
        return reads.workflow_question(self._id, after=self._position, fresh_s=min(reads.FRESH_S, left_s), end_s=end_s)

    def saw(self, answer: Mapping[str, Any]) -> bool:
        """Take in an answer; returns whether the workflow has succeeded.

        Raises:
            StartRefused: it was never started.
            WorkflowFailed: it ended otherwise, or is stuck.
            TimedOut: it runs, and time is over.
        """
        self._away_since = None
        failure = reads.refusal(answer, self._id, self._command_id) or reads.outcome(answer, self._id)
        if failure is not None:
            raise failure
        if answer["status"] in reads.ENDED:
            return True
        if self._is_over():
            raise TimedOut(f"Expected {self._id} to end within {self._timeout_s:g} s, but it is {answer['status']}")
        return False

    def away(self, error: NotReachable) -> None:
        """Take in that nobody answered: raises the error when that has lasted too long, or time is over."""
        if self._away_since is None:
            self._away_since = self._clock()
        too_long = self._deadline is None and self._clock() - self._away_since >= reads.AWAY_S
        if too_long or self._is_over():
            raise error

    def pause_s(self) -> float:
        """Return how long to pause before the next question."""
        pause_s, self._pause_s = self._pause_s, reads.next_pause_s(self._pause_s)
        return pause_s if self._deadline is None else max(0.0, min(pause_s, self._left_s()))

    def _left_s(self) -> float:
        assert self._deadline is not None
        return self._deadline - self._clock()

    def _is_over(self) -> bool:
        return self._deadline is not None and self._left_s() <= 0
