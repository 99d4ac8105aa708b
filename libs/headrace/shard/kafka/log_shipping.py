"""Sends the lines of a service's own log to the logs topic: a bounded queue, a thread, a producer of its own.

Whoever logs only puts the line into the queue. The thread encodes and produces; while Kafka is away, librdkafka's queue
and then ours fill up, and further lines are refused, which the handler counts. Nothing waits for the thread but the end
of the process, and that only for a moment.
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from confluent_kafka import KafkaError, Message, Producer

from headrace.contracts.codec import Codec
from headrace.contracts.log_lines import LogLine
from headrace.contracts.topics import LOGS, full_name
from headrace.runtime.codecs import codec_for
from headrace.runtime.log_shipping import LogShipper, leave_out
from headrace.runtime.settings import Settings
from headrace.shard.kafka.options import writer_options

_FLUSH_S = 1.0
_POLL_S = 0.1


def ship_logs(service: str, settings: Settings, source: str = "") -> None:
    """Ship what this process logs from here on, unless `HEADRACE_SHIP_LOGS=0`. `source` is a worker's name."""
    if settings.ship_logs:
        sender = KafkaLineSender(settings, service)
        shipper = LogShipper(service, sender, source=source, limit_bytes=settings.ship_logs_line_bytes)
        logging.getLogger().addHandler(shipper)


class KafkaLineSender:
    """Lines to Kafka. The thread and the producer begin with the first line."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._topic = full_name(settings.namespace, LOGS)
        self._name = f"{settings.namespace}-{service}-log"
        self._lines: queue.Queue[LogLine] = queue.Queue(settings.ship_logs_queue)
        self._codec: Codec | None = None
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._lost = 0

    def send(self, line: LogLine) -> bool:
        """Take a line, or tell that there is no room."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return False
        if self._thread is None:
            self._start()
        return True

    def lost(self) -> int:
        """Return how many lines were taken since the last call and then given up."""
        with self._lock:
            lost, self._lost = self._lost, 0
        return lost

    def flush(self) -> None:
        """Wait a moment for what is under way."""
        deadline = time.monotonic() + _FLUSH_S
        while self._thread is not None and time.monotonic() < deadline:
            if not self._lines.unfinished_tasks:
                return
            time.sleep(0.005)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-shipping", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        thread = threading.get_ident()
        leave_out(lambda _: threading.get_ident() == thread)
        under_way = 0
        while True:
            try:
                line = self._lines.get(timeout=_POLL_S) if under_way else self._lines.get()
                self._send(line)
            except queue.Empty:
                pass
            except Exception:  # noqa: BLE001  whatever it is, it is a lost line and nothing else
                self._give_up()
            under_way = self._poll(0)

    def _poll(self, wait_s: float) -> int:
        """Take what the client has to say; return how many lines are under way."""
        producer = self._producer
        if producer is None:
            return 0
        producer.poll(wait_s)
        return len(producer)

    def _send(self, line: LogLine) -> None:
        if self._codec is None:
            self._codec = codec_for(self._settings)
        value, key = self._codec.encode(line), line.workflow_id or line.source
        while True:
            producer = self._producer = self._producer or self._new_producer()
            try:
                producer.produce(self._topic, value, key, on_delivery=self._delivered)
            except BufferError:
                self._poll(_POLL_S)  # full: our own queue fills up behind it, and refuses
            else:
                return

    def _new_producer(self) -> Producer:
        options = {
            **writer_options(self._settings, self._name),
            # Half of the room is the queue above; nobody's hot path waits for these, so batches may gather.
            "queue.buffering.max.messages": self._settings.ship_logs_queue,
            "linger.ms": 20,
            # Lines of a workflow stand where its shard's other records stand; so do all clients of ours partition.
            "partitioner": "murmur2",
            "error_cb": self._failed,
        }
        return Producer(options)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._lines.task_done()
        else:
            self._give_up()

    def _failed(self, error: KafkaError) -> None:
        if error.fatal():
            self._producer = None  # the next line gets a new one; what was under way is told as lost

    def _give_up(self) -> None:
        with self._lock:
            self._lost += 1
        self._lines.task_done()
