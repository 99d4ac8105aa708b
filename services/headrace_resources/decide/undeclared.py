"""Who asks for a resource that nobody has declared waits a moment for its declaration, and is refused then.

The declaration comes over another topic than the request, so the order in which the two are read says nothing: after a
restart even an old declaration may be read second. Timers fire only when the shard has caught up, so what was
declared by then is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace_resources.decide.lease_requested import refused
from headrace_resources.decide.limits import DECLARATION_WAIT_MS, EVENTS_PER_ROUND
from headrace_resources.decide.round import Round
from headrace_resources.state import ShardState


def refusal_due_at(state: ShardState) -> int | None:
    """Return when the first claim has waited long enough for a declaration, in ms since the epoch."""
    if not state.undeclared:
        return None
    asked_at = (claim.asked_at for name in state.undeclared for claim in state.resources[name].waiting)
    return min(asked_at) + DECLARATION_WAIT_MS


def refuse_undeclared(round_: Round) -> Iterator[Message]:
    """Refuse the claims that have waited long enough, at most one round's worth."""
    state = round_.state
    claims = [claim for name in sorted(state.undeclared) for claim in state.resources[name].waiting]
    due = [claim for claim in claims if claim.asked_at + DECLARATION_WAIT_MS <= round_.now_ms]
    for claim in due[:EVENTS_PER_ROUND]:
        cause = (
            f"Expected a declared resource, but {claim.resource!r} is not known; declare it in the workflow's "
            "`resources`, or with `resource(name, capacity)` in a deployed module"
        )
        yield refused(round_, claim.resource, claim.units, claim.holder, cause)
