"""What a worker holds, has finished and must report: pure, and the only place that decides what to run and to stop.

There is one *page* for each dispatcher shard that hosts one of the worker's queues; the shards know nothing of one
another. A page's *session* is one life of the worker as that shard sees it. When the shard says that the session was
lost, the page begins anew under another one: what it held is stopped, since somebody else has been given it.

    assigned -> held -> result sent -> result acknowledged: finished -> the dispatcher has seen it: forgotten
                  `-> stopped: held until it really ends, then forgotten without a result
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.message import Message
from headrace.contracts.reports import (
    AttemptNote,
    FinishedAssignment,
    Gauge,
    QueueOffer,
    WorkerGoodbye,
    WorkerHeartbeat,
    WorkerHello,
)
from headrace_execution.worker.pages import ENDED, HANDLE, LOST, Action, JobId, Page, stop
from headrace_execution.worker.reads import READS, Reader


class Book:
    """All pages of a worker. Not safe to share between threads."""

    def __init__(
        self,
        worker: str,
        process: str,
        offers: dict[int, list[QueueOffer]],
        *,
        host: str = "",
        pid: int = 0,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Begin with nothing held. `process` is an id of this process; `offers` are by dispatcher shard."""
        self.worker = worker
        self.stopping = False
        self._host = host
        self._pid = pid
        self._labels = dict(labels or {})
        self._process = process
        self.pages = {
            shard: Page(shard=shard, offers=offered, session=f"{process}-1") for shard, offered in offers.items()
        }

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, shard: int, offset: int, events: list[Message]) -> list[Action]:
        """Take in a record of a dispatcher shard's journal; return what follows."""
        page = self.pages.get(shard)
        if page is None:
            return []
        reader = Reader(self.worker, self._process, self.stopping)
        actions: list[Action] = []
        for event in events:
            read = READS.get(type(event))
            if read is not None:
                actions += read(reader, page, event)
        page.read_offset = offset
        return actions

    # --- what jobs tell -----------------------------------------------------------------------------------------------

    def may_send(self, job: JobId, *, success: bool) -> bool:
        """Tell whether the result of a job that has just ended is wanted; if so it counts as sent from here on."""
        page = self.pages[job.shard]
        held = page.held.get(job.number)
        if held is None:
            return False
        if held.stopped == ENDED or (held.stopped == LOST and not success) or job.number in page.handed_back:
            del page.held[job.number]
            page.urgent = True
            return False
        held.sent = True
        return True

    def acknowledged(self, job: JobId, partition: int, offset: int) -> None:
        """Note that the log holds a job's result: from now on it is reported as finished."""
        page = self.pages[job.shard]
        held = page.held.pop(job.number, None)
        if held is not None and not held.stopped:
            page.finished[job.number] = FinishedAssignment(assignment=job.number, partition=partition, offset=offset)

    def beat(self, job: JobId) -> None:
        """Note that a job said that it is alive."""
        page = self.pages[job.shard]
        if job.number in page.held:
            page.beats[job.number] = None

    def note(self, job: JobId, kind: str, data: bytes) -> None:
        """Keep something for the next run of a job's attempt. Somebody waits for a handle: it is reported at once."""
        page = self.pages[job.shard]
        if job.number in page.held:
            page.notes[job.number, kind] = data
            page.urgent = page.urgent or kind == HANDLE

    # --- stopping -----------------------------------------------------------------------------------------------------

    def stop(self) -> list[Action]:
        """Take nothing more. What only polls a handle is handed back at once: another worker polls it as well."""
        self.stopping = True
        for page in self.pages.values():
            page.urgent = True
        return self.hand_back(only_handles=True)

    def hand_back(self, *, only_handles: bool = False) -> list[Action]:
        """Give back what has not ended by itself."""
        actions: list[Action] = []
        for page in self.pages.values():
            for number, held in page.held.items():
                if not held.sent and not held.stopped and (held.has_handle or not only_handles):
                    page.handed_back[number] = None
                    actions += stop(page, number, LOST)
        return actions

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is held."""
        return not any(page.held for page in self.pages.values())

    @property
    def all_joined(self) -> bool:
        """Tell whether every dispatcher shard has let the worker in."""
        return all(page.joined for page in self.pages.values())

    # --- reports ------------------------------------------------------------------------------------------------------

    def report(self, shard: int, now_ms: int, gauges: list[Gauge] | None = None) -> WorkerHello | WorkerHeartbeat:
        """Return what to tell a dispatcher shard now; what is told only once counts as told.

        `gauges` are how the worker is, where the report is to say that as well.
        """
        page = self.pages[shard]
        page.urgent = False
        if not page.joined:
            return WorkerHello(
                worker=self.worker,
                session=page.session,
                offers=page.offers,
                labels=self._labels,
                host=self._host,
                pid=self._pid,
                read_offset=page.read_offset,
                sent_at=now_ms,
            )
        beats = list(page.beats)
        page.beats.clear()
        notes = [AttemptNote(assignment=number, kind=kind, data=data) for (number, kind), data in page.notes.items()]
        page.notes.clear()
        return WorkerHeartbeat(
            worker=self.worker,
            session=page.session,
            read_offset=page.read_offset,
            read_assignment=page.read_assignment,
            holds=[number for number in page.held if number not in page.handed_back],
            beats=beats,
            finished=list(page.finished.values()),
            handed_back=list(page.handed_back),
            stopping=self.stopping,
            notes=notes,
            gauges=gauges or [],
            sent_at=now_ms,
        )

    def goodbye(self, shard: int, now_ms: int) -> WorkerGoodbye:
        """Return the last word to a dispatcher shard."""
        return WorkerGoodbye(worker=self.worker, session=self.pages[shard].session, sent_at=now_ms)
