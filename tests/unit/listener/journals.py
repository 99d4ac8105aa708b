"""Journal records for tests of the relay: an in-memory log, and shards that write to it as shards do."""

from __future__ import annotations

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.headers import journal_headers
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import TopicPartition

CODEC = Codec()


class FixedClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> int:
        return self.ms


class Shard:
    """Writes one journal partition, reign after reign."""

    def __init__(self, log: MemoryLog, topic: str, partition: int = 0) -> None:
        self.where = TopicPartition(topic, partition)
        self._log = log
        self._epoch = -1
        self._n = 0

    def reign(self) -> int:
        """Begin a reign and return its epoch."""
        started = EpochStarted(code_version=1, process="test", at=0)
        headers = journal_headers(-1, 0)
        self._epoch = self._log.append(*self.where, CODEC.encode(started), headers=headers)
        self._n = 0
        return self._epoch

    def write(self, *events: Message, after: dict[TopicPartition, int] | None = None, skip: int = 0) -> int:
        """Append a record that follows from inputs up to these offsets; `skip` leaves out numbers."""
        self._n += 1 + skip
        return self._append(self._epoch, self._n, events, after)

    def zombie(self, epoch: int, n: int, *events: Message) -> int:
        """Append what a process of an older reign would."""
        return self._append(epoch, n, events, None)

    def _append(self, epoch: int, n: int, events: tuple[Message, ...], after: dict[TopicPartition, int] | None) -> int:
        positions = [
            InputPosition(topic=where.topic, partition=where.partition, offset=offset)
            for where, offset in (after or {}).items()
        ]
        record = JournalRecord(epoch=epoch, n=n, at=self._log.clock.now_ms(), positions=positions, events=list(events))
        return self._log.append(*self.where, CODEC.encode(record), headers=journal_headers(epoch, n))


def scheduled(workflow_id: str, step: int = 0, *, input: bytes = b'{"root": "/usr"}') -> TaskScheduled:
    """Return the event that a task is ready."""
    return TaskScheduled(
        workflow_id=workflow_id,
        run_id=f"{workflow_id}-run",
        step=step,
        attempt=1,
        node="measure",
        task="measure",
        queue="census",
        input=input,
        at=1_700_000_000_123,
    )


def succeeded(workflow_id: str, step: int = 0, *, output: bytes = b'{"lines": 3}') -> TaskSucceeded:
    """Return the event that a task succeeded."""
    return TaskSucceeded(
        workflow_id=workflow_id,
        run_id=f"{workflow_id}-run",
        step=step,
        attempt=1,
        node="measure",
        task="measure",
        queue="census",
        output=output,
        assignment=1,
        worker="w",
        started_at=1,
        ended_at=2,
        at=1_700_000_000_456,
    )


def events_in(log: MemoryLog, topic: str) -> list[Message]:
    """Return every event of a public topic, partition by partition."""
    count = log.partition_count(topic)
    return [CODEC.decode(record.value) for number in range(count) for record in log.records(topic, number)]


def dead_letters_in(log: MemoryLog) -> list[dict[str, str]]:
    """Return the headers of all dead letters."""
    return [{name: value.decode() for name, value in record.headers} for record in log.records(topics.DEAD_LETTERS, 0)]
