"""A read model on a real Postgres, fed from the in-memory log."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import psycopg.rows

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.runtime.status_settings import StatusSettings
from headrace.shard.clock import ManualClock
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import TopicPartition
from headrace_status.model import names
from headrace_status.model.migrate import migrate
from headrace_status.projection.board import Board
from headrace_status.projection.projector import Projector

NAMESPACE = "headrace"
SCHEMA = names.data_schema(NAMESPACE)
# Events of tests are old; their log lines stay all the same.
LIMITS = StatusSettings(poll_wait_ms=1, batch_pause_ms=0, retry_ms=10, standby_ms=10, logs_kept_ms=2**40)


class StatusWorld:
    """Topics in memory, journals to append to, and projectors that run until they have caught up."""

    def __init__(self, owner: str, reader: str, *, decision_shards: int = 1) -> None:
        self.owner, self.reader = owner, reader
        self.log = MemoryLog.of_namespace(ManualClock(), decision_shards=decision_shards)
        self.codec = Codec()
        self.board = Board()
        self._reigns: dict[tuple[str, int], tuple[int, int]] = {}
        migrate(owner, reader, NAMESPACE)

    def reign(self, topic: str, partition: int = 0) -> None:
        """Begin a reign over a journal partition."""
        started = EpochStarted(code_version=1, process="test", at=1)
        offset = self.log.append(
            topic, partition, self.codec.encode(started), headers=journal_headers(EPOCH_STARTED, 0)
        )
        self._reigns[topic, partition] = (offset, 0)

    def journal(
        self, topic: str, events: Sequence[Message], *, partition: int = 0, positions: Sequence[InputPosition] = ()
    ) -> int:
        """Append one record of events to a journal; return its offset."""
        if (topic, partition) not in self._reigns:
            self.reign(topic, partition)
        epoch, n = self._reigns[topic, partition]
        self._reigns[topic, partition] = (epoch, n + 1)
        record = JournalRecord(epoch=epoch, n=n + 1, at=1, positions=list(positions), events=list(events))
        return self.log.append(topic, partition, self.codec.encode(record), headers=journal_headers(epoch, n + 1))

    def workflow(self, *events: Message, partition: int = 0) -> int:
        """Append events to `workflow.journal`."""
        return self.journal(topics.WORKFLOW_JOURNAL, events, partition=partition)

    def task(self, *events: Message) -> int:
        """Append events to `task.journal`."""
        return self.journal(topics.TASK_JOURNAL, events)

    def resource(self, *events: Message) -> int:
        """Append events to `resource.journal`."""
        return self.journal(topics.RESOURCE_JOURNAL, events)

    def plain(self, topic: str, message: Message, key: bytes = b"") -> int:
        """Append a record to a plain topic."""
        return self.log.append(topic, 0, self.codec.encode(message), key=key)

    def projector(self, board: Board | None = None, limits: StatusSettings = LIMITS) -> Projector:
        """Return a projector on these topics."""
        return Projector(
            self.log,
            self.connect,
            SCHEMA,
            board or self.board,
            limits=limits,
            codec=self.codec,
            away=lambda: self.log.away,
        )

    def project(self, limits: StatusSettings = LIMITS) -> None:
        """Run a projector until everything is in the rows."""
        board, stop = Board(), threading.Event()
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.projector(board, limits).run(stop)
            except BaseException as error:  # noqa: BLE001  it is raised again below
                errors.append(error)
                board.caught_up_once.set()

        thread = threading.Thread(target=run)
        thread.start()
        assert board.caught_up_once.wait(30), "the projector did not catch up"
        stop.set()
        thread.join(30)
        if errors:
            raise errors[0]

    def projector_positions(self) -> list[TopicPartition]:
        """Return the partitions that the read model has positions for."""
        return [TopicPartition(row["topic"], row["partition"]) for row in self.rows("SELECT * FROM positions")]

    def connect(self) -> psycopg.Connection:
        """Return a connection of the owner."""
        return psycopg.connect(self.owner, autocommit=True)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Query as the role that can only SELECT."""
        with psycopg.connect(self.reader, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            return list(connection.execute(query, values or None))
