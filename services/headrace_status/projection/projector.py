"""The projector: reads, folds, writes, again and again.

Safety is the writer's: a batch is written only from the very positions that it was read from. The advisory lock merely
keeps a second projector from working in vain; it stands by, and takes over when the first one's connection ends.
"""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from headrace.contracts.codec import Codec
from headrace.runtime.status_settings import StatusSettings
from headrace.shard.ports import Log, LogAway, TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.topic_guard import TopicGuard
from headrace_status.fold.batch import Batch
from headrace_status.fold.records import fold_record
from headrace_status.projection.board import Board, Progress
from headrace_status.projection.positions import PositionStore
from headrace_status.projection.reader import TOPICS, Reader, Taken
from headrace_status.projection.spans import record_spans
from headrace_status.projection.upkeep import Upkeep
from headrace_status.projection.writer import Move, PositionsMoved, Writer

log = logging.getLogger(__name__)
# Rows and positions are lost together or not at all, and the journals tell the lost ones again: commits need not wait
# for the disk. And every statement finds its rows by their keys: reading a whole table for a batch of some thousand
# rows may seem cheaper to the planner, but a projection must cost the same however much has been projected.
_SESSION = (
    "SET synchronous_commit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)


class Projector:
    """Keeps the rows of one namespace up to date until it is stopped."""

    def __init__(
        self,
        log_port: Log,
        connect: Callable[[], psycopg.Connection],
        schema: str,
        board: Board,
        *,
        limits: StatusSettings | None = None,
        codec: Codec | None = None,
        away: Callable[[], bool] = lambda: False,
    ) -> None:
        """`connect` gives autocommitting connections of the owner; `away` tells whether Kafka answers no more."""
        self._log = log_port
        self._connect = connect
        self._schema = schema
        self._board = board
        self._limits = limits or StatusSettings()
        self._codec = codec or Codec()
        self._away = away
        self._postgres_away = False
        self._lock = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], "big", signed=True)

    def run(self, stop: threading.Event) -> None:
        """Project until `stop`. Waits for a Kafka or a Postgres that is away, and says so once.

        Raises:
            PositionLost: a topic was deleted, made anew or shortened; the text says what to do.
            UnreadableJournal: a journal holds what this version cannot read.
        """
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    self._answered()
                    connection.execute(_SESSION)
                    if self._elected(connection, stop):
                        self._reign(connection, stop)
            except psycopg.OperationalError as error:
                self._not_answered(error)
                stop.wait(self._limits.retry_ms / 1000)
            except LogAway:
                stop.wait(self._limits.retry_ms / 1000)
            except PositionsMoved as moved:
                log.warning("another projector is at work: %s; beginning again from its positions", moved)
                stop.wait(self._limits.retry_ms / 1000 * (1 + random.random()))

    def _elected(self, connection: psycopg.Connection, stop: threading.Event) -> bool:
        """Wait until nobody else projects this namespace; False when we were stopped meanwhile."""
        while not stop.is_set():
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock,)).fetchone()
            if row is not None and row[0]:
                return True
            self._stand_by(connection)
            stop.wait(self._limits.standby_ms / 1000)
        return False

    def _stand_by(self, connection: psycopg.Connection) -> None:
        if self._board.role != "standby":
            log.info("another process projects this namespace; standing by")
            self._board.role = "standby"
        positions = self._load(connection)
        self._board.opened(positions)
        bounds = self._log.bounds(positions)
        self._board.level(level=all(bounds[where].end <= position.next_offset for where, position in positions.items()))

    def _load(self, connection: psycopg.Connection) -> dict[TopicPartition, Position]:
        ids = self._log.topic_ids(TOPICS)
        missing = [topic for topic in TOPICS if topic not in ids]
        if missing:
            raise LogAway(f"topics {missing} are not known (yet)")
        partitions = [TopicPartition(topic, at) for topic in TOPICS for at in range(self._log.partition_count(topic))]
        return PositionStore(connection, self._schema).load(partitions, ids)

    def _reign(self, connection: psycopg.Connection, stop: threading.Event) -> None:
        store = PositionStore(connection, self._schema)
        positions = store.checked(self._load(connection), self._log, skip_deleted=self._limits.skip_deleted)
        reader = Reader(self._log, self._codec, positions)
        writer = Writer(connection, self._schema)
        upkeep = Upkeep(connection, self._schema, self._limits)
        guard = TopicGuard(self._log, TOPICS, self._log.topic_ids(TOPICS))
        self._board.opened(positions)
        self._board.role = "projecting"
        checked_at = time.monotonic()
        try:
            while not stop.is_set():
                began = time.monotonic()
                little = self._step(reader, writer, upkeep)
                upkeep.between()
                if little:
                    self._rest(time.monotonic() - began)
                if time.monotonic() - checked_at > self._limits.topic_check_ms / 1000:
                    checked_at = time.monotonic()
                    self._guarded(guard)
        finally:
            reader.close()

    def _rest(self, passed_s: float) -> None:
        """Let records gather for the next batch, which costs hardly more with many than with few."""
        limits = self._limits
        self._board.rest(limits.batch_pause_ms / 1000 - passed_s, limits.hurried_pause_ms / 1000 - passed_s)

    def _step(self, reader: Reader, writer: Writer, upkeep: Upkeep) -> bool:
        """Project what there is; return whether that was something, but not as much as would go into one batch."""
        limits = self._limits
        before = {where: position.offset for where, position in reader.positions.items()}
        taken = reader.poll(limits.batch_records, limits.poll_wait_ms)
        if taken:
            self._board.level(level=False)
            self._project(taken, before, writer, upkeep)
        elif self._away():
            self._look_for_the_log(reader)
        full = len(taken) >= limits.batch_records
        self._board.level(level=not full and not self._away())
        return bool(taken) and not full

    def _project(self, taken: list[Taken], before: dict[TopicPartition, int], writer: Writer, upkeep: Upkeep) -> None:
        batch = Batch()
        last: dict[TopicPartition, Taken] = {}
        for item in taken:
            last[item.partition] = item
            if item.message is not None:
                fold_record(
                    batch, item.partition.topic, item.partition.partition, item.position.offset, item.at, item.message
                )
        moves = [Move(where, before[where], item.position, item.at) for where, item in last.items()]
        refused = writer.write(batch, moves)
        upkeep.written(batch)
        record_spans(item.message for item in taken)
        progress = {where: Progress(position=item.position, at=item.at) for where, item in last.items()}
        self._board.committed(progress, records=len(taken), rows=batch.rows(), refused=refused)

    def _guarded(self, guard: TopicGuard) -> None:
        try:
            guard.check()
        except LogAway:
            return  # the next check comes soon enough

    def _look_for_the_log(self, reader: Reader) -> None:
        """Ask a log that was away, which tells whether it is back: a reader of topics where nothing happens would not
        notice.
        """
        with suppress(LogAway):
            self._log.bounds(reader.positions)

    def _not_answered(self, error: psycopg.OperationalError) -> None:
        self._board.level(level=False)
        if not self._postgres_away:
            self._postgres_away = True
            log.warning("Postgres does not answer: %s. Waiting; nothing is lost", str(error).strip().splitlines()[0])

    def _answered(self) -> None:
        if self._postgres_away:
            self._postgres_away = False
            log.warning("Postgres answers again; going on")
