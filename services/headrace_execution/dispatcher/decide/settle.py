"""After every decision: place what can be placed, tell what is served and what is not.

Both may be more than one record holds, since assignments carry their inputs. What a decision leaves over is pending:
which queues and tasks may have something is marked by `evolve`, and a mark is taken away when it turns out to be empty.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.message import Message
from headrace_execution.dispatcher.decide.backlog import tell_backlogs, tell_limits
from headrace_execution.dispatcher.decide.placement import place, placeable
from headrace_execution.dispatcher.decide.serving import tell, untold
from headrace_execution.dispatcher.permits import refill
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import DispatcherState

# A decision shares a record of some MiB with others. Beyond these the rest goes out in rounds of its own.
_EVENTS = 256
_INPUT_BYTES = 262_144


def settle(round_: Round) -> Iterator[Message]:
    """Yield what follows at once from the last events, up to a bounded amount."""
    size = 0
    for count, event in enumerate(everything(round_), start=1):
        yield event
        size += len(event.task.input) if isinstance(event, TaskAssigned) else 0
        if count >= _EVENTS or size >= _INPUT_BYTES:
            return


def everything(round_: Round) -> Iterator[Message]:
    """Yield all that follows. Whoever stops asking leaves the rest pending."""
    state, live = round_.state, round_.state.live
    refill(state, round_.now_ms)
    while live.dirty or live.audit:
        for queue in sorted(live.dirty):
            yield from place(round_, queue)
            # Nothing is left that could run, but perhaps what must run alone: placing changes where that may be.
            if not state.quarantine or not placeable(state, queue):
                live.dirty.pop(queue, None)
        for pair in sorted(live.audit):
            yield from tell(round_, *pair)
            if not untold(state, *pair):
                live.audit.pop(pair, None)
    if not live.limits_told:
        yield from tell_limits(round_)
        live.limits_told = True
    if round_.limits.queues or state.full or state.requests:
        yield from tell_backlogs(round_)


def is_pending(state: DispatcherState) -> bool:
    """Tell whether something is left, and forget the marks that turn out to be empty."""
    live = state.live
    for queue in list(live.dirty):
        if placeable(state, queue):
            return True
        del live.dirty[queue]
    for pair in list(live.audit):
        if untold(state, *pair):
            return True
        del live.audit[pair]
    return False
