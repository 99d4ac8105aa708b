"""The relay: reads the journals by the reader's rule and writes the public topics, each event once.

1. Its positions stand in `listener.positions`, written in the same transaction as the records that they account for.
2. It begins by fencing every older relay, and only then reads the positions: nobody can move them any more.
3. What it reads goes through the reader's rule and the causal order, is translated, and goes out in transactions. What
   it concludes from several events (`io_watch`) goes out with them, and so does the state behind that.
4. After a failed transaction nothing in memory counts: a new relay begins at 2.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.codec import Codec
from headrace.contracts.topics import JOURNALS
from headrace.runtime.listener_settings import ListenerSettings
from headrace.shard.ports import Clock, Log, PositionLost, TopicPartition
from headrace.shard.reader_rule import START, Position
from headrace_listener.outgoing import Outgoing
from headrace_listener.relay.causal_order import CausalOrder
from headrace_listener.relay.io_watch import IoWatch
from headrace_listener.relay.ports import RelayOutput
from headrace_listener.relay.positions import state_record
from headrace_listener.relay.translate import Translator


class Relay:
    """One life of the relay: it ends with the first exception. A loop steps it, or a test."""

    def __init__(
        self,
        log: Log,
        output: RelayOutput,
        clock: Clock,
        *,
        codec: Codec,
        namespace: str,
        limits: ListenerSettings,
    ) -> None:
        """Begin where the last transaction ended.

        Raises:
            LogAway, TransactionFailed: Kafka does not answer; make a new relay later.
            PositionLost: records that are still needed do not exist any more.
        """
        self.relayed = 0
        """Records written since this life began."""
        self._output = output
        self._clock = clock
        self._limits = limits
        self._codec = codec
        stored = output.stored()
        self._io = IoWatch(limits, stored.state)
        self._translator = Translator(codec, namespace, limits.reason_limit_bytes, self._io)
        starts = _starts(log, stored.positions)
        self._order = CausalOrder(codec, starts)
        self._written = dict(starts)
        self._next_at = clock.monotonic_ms()
        self._more = False  # the last transaction was full: there is more to write already
        self._positions_at = self._next_at + limits.position_pause_ms
        self._held: set[TopicPartition] = set()
        self._source = log.source("relay")
        self._source.assign({where: position.next_offset for where, position in starts.items()})

    def step(self, wait_ms: int = 0) -> bool:
        """Read what there is (waiting for the first at most so long), and write what is ready; False when nothing came.

        Call it when `rest_ms` is over: until then nothing can be written, and what has come lies well where it is.

        Raises:
            PositionLost, TransactionFailed, Fenced: this life is over.
        """
        self._resume()
        records = self._source.poll(self._limits.poll_records, 0 if self._more else wait_ms)
        for record in records:
            self._order.offer(record)
        self._hold()
        if not self._due():
            return bool(records)
        written = self._write()
        if records and not written:
            self._next_at = self._clock.monotonic_ms() + self._limits.transaction_pause_ms
        return written or bool(records)

    def rest_ms(self) -> int:
        """Return how long it is until the next transaction may begin."""
        return max(self._next_at - self._clock.monotonic_ms(), 0)

    def positions(self) -> dict[TopicPartition, Position]:
        """Return how far the journals have been relayed."""
        return dict(self._written)

    def behind(self) -> int:
        """Return how many records have been read and wait for what they followed from."""
        return sum(self._order.waiting(where)[0] for where in self._written)

    def close(self) -> None:
        """Free the source; the output is its maker's."""
        self._source.close()

    def _due(self) -> bool:
        return self._clock.monotonic_ms() >= self._next_at

    def _write(self) -> bool:
        batch: list[Outgoing] = []
        size = 0
        full = False
        for accepted in self._order.ready():
            for outgoing in self._translator.translate(accepted.record, accepted.message):
                batch.append(outgoing)
                size += outgoing.size_bytes
            full = len(batch) >= self._limits.transaction_events or size >= self._limits.transaction_bytes
            if full:
                break
        self._more = full
        now = self._clock.monotonic_ms()
        passed = self._order.passed
        moved = {where: position for where, position in passed.items() if position != self._written[where]}
        # A position that moved over nothing public can wait: a restart only looks at those records again.
        if not batch and (not moved or now < self._positions_at):
            return False
        self._next_at = now if full else now + self._limits.transaction_pause_ms
        self._positions_at = now + self._limits.position_pause_ms
        state = [state_record(self._codec, key, message) for key, message in self._io.changes().items()]
        self._output.write([*batch, *state], moved)
        self._written.update(moved)
        self.relayed += len(batch)
        return True

    def _hold(self) -> None:
        """Stop reading partitions of which very much waits."""
        full = [where for where in self._source.assigned() if self._fill(where) >= 1]
        if full:
            self._source.drop(full)
            self._held.update(full)

    def _resume(self) -> None:
        """Read again what was held and has become shorter."""
        ready = [where for where in sorted(self._held) if self._fill(where) <= 0.5]
        if ready:
            self._source.assign({where: self._order.read(where).next_offset for where in ready})
            self._held.difference_update(ready)

    def _fill(self, where: TopicPartition) -> float:
        records, size = self._order.waiting(where)
        return max(records / self._limits.partition_queue, size / self._limits.partition_queue_bytes)


def _starts(log: Log, known: dict[TopicPartition, Position]) -> dict[TopicPartition, Position]:
    """Return where to begin in every partition of every journal."""
    partitions = list(_partitions(log))
    starts = {}
    for where, (low, end) in log.bounds(partitions).items():
        position = known.get(where)
        if position is None:
            # Never relayed: from the first record that there is. What precedes the first `EpochStarted` does not count.
            position = START if low == 0 else Position(low - 1)
        if not low <= position.next_offset <= end:
            raise PositionLost(
                f"Expected the relay to read {where} from offset {position.next_offset} on, but it holds {low} to "
                f"{end - 1}: the topic was shortened or made anew. Restore it, or give the namespace up and make a new "
                "one"
            )
        starts[where] = position
    return starts


def _partitions(log: Log) -> Iterable[TopicPartition]:
    for topic in JOURNALS:
        for number in range(log.partition_count(topic)):
            yield TopicPartition(topic, number)
