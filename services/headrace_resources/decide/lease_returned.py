"""A grant crossed the end of its task; the workflow gives it back."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.lease_events import LeaseReturned
from headrace.contracts.message import Message
from headrace_resources.decide.round import Round


def lease_returned(round_: Round, event: LeaseReturned) -> Iterator[Message]:
    """End the lease of just this token: a newer claim of the same step stays."""
    claim = round_.state.claim(event.run_id, event.step)
    if claim is not None and claim.token and claim.token == event.fencing_token and claim.resource == event.resource:
        yield round_.release(claim, event.type_name())
