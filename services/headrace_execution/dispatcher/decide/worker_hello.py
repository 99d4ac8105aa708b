"""WorkerHello: a worker offers its slots."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.reports import WorkerHello
from headrace.contracts.worker_events import WorkerJoined
from headrace_execution.dispatcher.decide.liveness import heard
from headrace_execution.dispatcher.decide.worker_lost import lose
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import offers_of


def worker_hello(round_: Round, hello: WorkerHello) -> Iterator[Message]:
    """Let a worker in. A new session under a known name means that the old process is gone, with all that it held."""
    worker = round_.state.workers.get(hello.worker)
    if worker is not None and worker.session != hello.session:
        yield from lose(round_, worker, "replaced")
        worker = None
    if worker is None or worker.offers != offers_of(hello.offers):
        yield WorkerJoined(
            worker=hello.worker,
            session=hello.session,
            offers=hello.offers,
            labels=hello.labels,
            host=hello.host,
            pid=hello.pid,
            at=round_.now_ms,
        )
    heard(round_, hello.worker)
