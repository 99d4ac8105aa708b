"""Workers come, stop and go: how that changes the state. Only `evolve` does it."""

from __future__ import annotations

from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping
from headrace_execution.dispatcher.changes import look_everywhere, offer_again, withdraw
from headrace_execution.dispatcher.state import DispatcherState, Worker, offers_of


def joined(state: DispatcherState, event: WorkerJoined) -> None:
    """A worker offers what it can run, for the first time or anew."""
    offers = offers_of(event.offers)
    state.ledger.workers.touched(event.worker)
    worker = state.workers.get(event.worker)
    if worker is None:
        worker = state.workers[event.worker] = Worker(name=event.worker, session=event.session, offers={})
    withdraw(state, worker)
    worker.session = event.session
    worker.offers = offers
    worker.labels = dict(event.labels)
    worker.stopping = False
    for offer in event.offers:
        if offer.queue not in offers:
            continue
        offer_again(state, worker.name, offer.queue, offer.tasks)
    if state.quarantine:
        look_everywhere(state)


def stopping(state: DispatcherState, event: WorkerStopping) -> None:
    """A worker takes nothing more; what it has, it has."""
    worker = state.workers.get(event.worker)
    if worker is not None:
        state.ledger.workers.touched(event.worker)
        worker.stopping = True
        withdraw(state, worker)


def gone(state: DispatcherState, event: WorkerLeft | WorkerLost) -> None:
    """A worker is no more; its assignments were taken back before."""
    worker = state.workers.get(event.worker)
    if worker is not None and worker.session == event.session:
        withdraw(state, worker)
        state.ledger.workers.touched(event.worker)
        del state.workers[event.worker]
        state.live.due.pop(event.worker, None)
        state.live.suspects.pop(event.worker, None)
