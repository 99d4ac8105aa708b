"""WorkerGoodbye: a worker has stopped and holds nothing."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.reports import WorkerGoodbye
from headrace.contracts.worker_events import WorkerLeft
from headrace_execution.dispatcher.decide.worker_lost import clear
from headrace_execution.dispatcher.round import Round


def worker_goodbye(round_: Round, goodbye: WorkerGoodbye) -> Iterator[Message]:
    """Forget a worker. What it was given and never began waits again; that is nobody's failure."""
    worker = round_.state.workers.get(goodbye.worker)
    if worker is None or worker.session != goodbye.session:
        return
    yield from clear(round_, worker, "handed_back", blame=False)
    yield WorkerLeft(worker=worker.name, session=worker.session, at=round_.now_ms)
