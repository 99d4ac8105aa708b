"""Workers as entries of a snapshot. See `checkpoint.py`."""

from __future__ import annotations

import msgspec

from headrace.shard.entries import Entry, pack, unpacker
from headrace_execution.dispatcher.changes import offer_again
from headrace_execution.dispatcher.state import DispatcherState, Offer, Worker


class WorkerEntry(Entry, array_like=True, kw_only=True):
    """A worker; `offers` are slots and tasks by queue."""

    name: str
    session: str
    offers: dict[str, tuple[int, list[str]]]
    stopping: bool
    last_assignment: int
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)


_worker = unpacker(WorkerEntry)


def packed(worker: Worker | None) -> bytes | None:
    """Return the entry of a worker; None where there is none."""
    if worker is None:
        return None
    return pack(
        WorkerEntry(
            name=worker.name,
            session=worker.session,
            offers={queue: (offer.slots, sorted(offer.tasks)) for queue, offer in worker.offers.items()},
            stopping=worker.stopping,
            last_assignment=worker.last_assignment,
            labels=worker.labels,
            versions={queue: offer.versions for queue, offer in worker.offers.items() if offer.versions},
        )
    )


def take(state: DispatcherState, key: str, value: bytes) -> None:
    """Take an entry in. Raises ValueError for what this code cannot read."""
    entry = _worker(key, value)
    offers = {
        queue: Offer(slots, frozenset(tasks), entry.versions.get(queue, {}))
        for queue, (slots, tasks) in entry.offers.items()
    }
    worker = Worker(
        name=entry.name,
        session=entry.session,
        offers=offers,
        stopping=entry.stopping,
        last_assignment=entry.last_assignment,
        labels=entry.labels,
    )
    state.workers[worker.name] = worker
    if not worker.stopping:
        for queue, offer in offers.items():
            offer_again(state, worker.name, queue, sorted(offer.tasks))
