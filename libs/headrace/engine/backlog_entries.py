"""What is held back, as entries of a snapshot. See `checkpoint.py`."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.engine.backlogs import Backlog, Backlogs, Held, HeldRun
from headrace.shard.entries import Changed, Entry, pack, unpacker

QUEUES = "q"
RUN = "b/"


class QueueEntry(Entry, array_like=True, kw_only=True):
    """`Backlog`, but for what is held back."""

    queue: str
    full: bool
    when_full: str
    waiting: int
    backlog: int
    since: int
    room: int
    asked: bool
    place: int
    limited: bool = False


class QueuesEntry(Entry, array_like=True, kw_only=True):
    """The queues that are full or for which something is held back."""

    number: int
    queues: list[QueueEntry]


class HeldEntry(Entry, array_like=True, kw_only=True):
    """What is held back of a run: step, queue and order of each."""

    halted: bool
    steps: list[tuple[int, str, tuple[int, int, int]]]


_queues = unpacker(QueuesEntry)
_held = unpacker(HeldEntry)


def changes(backlogs: Backlogs) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time, and forget it."""
    if len(backlogs.noted):
        backlogs.noted = Changed()
        queues = [
            QueueEntry(
                queue=each.queue,
                full=each.full,
                when_full=each.when_full,
                waiting=each.waiting,
                backlog=each.backlog,
                since=each.since,
                room=each.room,
                asked=each.asked,
                place=each.place,
                limited=each.limited,
            )
            for each in backlogs.queues.values()
        ]
        yield QUEUES, pack(QueuesEntry(number=backlogs.number, queues=queues))
    for workflow_id, value in backlogs.changed.take(lambda workflow_id: _pack_run(backlogs.runs.get(workflow_id))):
        yield f"{RUN}{workflow_id}", value


def take(backlogs: Backlogs, key: str, value: bytes) -> None:
    """Take an entry in; they come in any order. Raises ValueError for what this code cannot read."""
    if key == QUEUES:
        found = _queues(key, value)
        backlogs.number = found.number
        for each in found.queues:
            backlog = backlogs.queues.setdefault(each.queue, Backlog(queue=each.queue))
            backlog.full, backlog.when_full, backlog.limited = each.full, each.when_full, each.limited
            backlog.waiting, backlog.backlog, backlog.since = each.waiting, each.backlog, each.since
            backlog.room, backlog.asked, backlog.place = each.room, each.asked, each.place
    else:
        run = _held(key, value)
        steps = {step: Held(queue, order) for step, queue, order in run.steps}
        backlogs.restore(key.removeprefix(RUN), HeldRun(run.halted, steps))


def _pack_run(run: HeldRun | None) -> bytes | None:
    if run is None:
        return None
    steps = [(step, held.queue, held.order) for step, held in run.steps.items()]
    return pack(HeldEntry(halted=run.halted, steps=steps))
