"""Mutations of how workflows wait for signals and for each other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.engine import decider
from headrace.engine.kernel.mailboxes import Mailboxes
from headrace.engine.state import ShardState
from tests.simulation.mutations.swapping import swapped


def forget_accepted_commands() -> AbstractContextManager[None]:
    """A signal that is delivered twice is received twice."""
    return swapped(ShardState, "accepted", lambda _: lambda state, workflow_id, command_id: False)


def signals_overtake() -> AbstractContextManager[None]:
    """The newest signal is received first."""

    def make(original: Any) -> Any:
        def put(boxes: Mailboxes, name: str, number: int, signal: Any, ready: Any) -> None:
            original(boxes, name, -number, signal, ready)

        return put

    return swapped(Mailboxes, "put", make)


def nobody_is_told() -> AbstractContextManager[None]:
    """Who waits for the end of a workflow does not hear of it."""
    return swapped(decider, "tell", lambda _: lambda context, state, now_ms: iter(()))
