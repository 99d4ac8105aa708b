"""Backlogs that are full: told when it is so and when it is so no more; room for what decision shards hold back.

The dispatcher accepts whatever is scheduled: it is decision shards that hold back or refuse. The room that is free,
workers' slots included, is shared out evenly among all of them, so that they do not fill it several times over; who has
used his share and holds more back asks for more (`headrace.engine.backlogs`).
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.backlog_events import RoomRequested
from headrace.contracts.dispatch_events import BacklogCleared, BacklogFull, QueueLimited, RoomGranted, RoomQueued
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace_execution.dispatcher.limits import WAIT, QueueLimit
from headrace_execution.dispatcher.round import Round

UNBOUNDED = -1
"""Room for all."""


def room_requested(round_: Round, event: RoomRequested) -> Iterator[Message]:
    """A decision shard wants room; it gets some when there is."""
    if shard_of(event.queue, round_.shards) == round_.shard:
        yield RoomQueued(queue=event.queue, shard=round_.decision_shard, held=event.held, at=round_.now_ms)


def tell_backlogs(round_: Round) -> Iterator[Message]:
    """Tell which backlogs are full, and which are down to four fifths of what they may hold; share out what is free."""
    state = round_.state
    limits = {limit.queue: limit for limit in round_.limits.queues if limit.backlog}
    for queue in sorted({*limits, *state.full, *state.requests}):
        limit = limits.get(queue, QueueLimit(queue=queue))
        waiting = state.queues.waiting.get(queue, 0)
        has_room = not limit.backlog or waiting * 5 <= limit.backlog * 4
        policy = state.full.get(queue)
        if policy is not None and (has_room or policy != limit.when_full):
            yield BacklogCleared(
                queue=queue,
                waiting=waiting,
                backlog=limit.backlog,
                when_full=limit.when_full,
                at=round_.now_ms,
                room=_room(round_, limit, waiting),
            )
        if queue not in state.full and limit.backlog and waiting >= limit.backlog:
            yield BacklogFull(
                queue=queue, waiting=waiting, backlog=limit.backlog, when_full=limit.when_full, at=round_.now_ms
            )
        elif has_room:
            for shard in sorted(state.requests.get(queue, ())):
                room = _room(round_, limit, waiting)
                yield RoomGranted(queue=queue, to_shard=shard, room=room, at=round_.now_ms)


def untold_limits(round_: Round) -> list[QueueLimit]:
    """Return the limits of this shard's queues that are set otherwise than was told."""
    told = round_.state.limited
    mine = {
        limit.queue: limit for limit in round_.limits.queues if shard_of(limit.queue, round_.shards) == round_.shard
    }
    changed = [limit for queue, limit in mine.items() if told.get(queue) != limit]
    return [*changed, *(QueueLimit(queue=queue) for queue in told if queue not in mine)]


def tell_limits(round_: Round) -> Iterator[Message]:
    """Tell the limits of queues, for those who look on."""
    for limit in untold_limits(round_):
        yield QueueLimited(
            queue=limit.queue,
            at_once=limit.at_once,
            per_period=limit.per_period,
            period_ms=limit.period_ms,
            backlog=limit.backlog,
            when_full=limit.when_full,
            at=round_.now_ms,
        )


def _room(round_: Round, limit: QueueLimit, waiting: int) -> int:
    if not limit.backlog or limit.when_full != WAIT:
        return UNBOUNDED
    free = sum(worker.free(limit.queue) for worker in round_.state.workers.values() if not worker.stopping)
    return max((limit.backlog - waiting + free) // round_.decision_shards, 1)
