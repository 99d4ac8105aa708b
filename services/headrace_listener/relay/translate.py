"""From one journal record to public records: pure.

A public record has one event as its value, framed with the event's own schema, and CloudEvents 1.0 attributes in
its headers, as CloudEvents' Kafka protocol binding lays them out in binary mode (`ce_` before each; `content-type`
for `datacontenttype`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.headers import TRACEPARENT, Headers, traceparent
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.public_events import DERIVED_TOPIC, PUBLIC_TOPIC, public_key
from headrace.contracts.workflow_events import CommandRejected
from headrace.shard.ports import Record
from headrace_listener.dead_letters import rejected_command
from headrace_listener.outgoing import Outgoing
from headrace_listener.relay.io_watch import IoWatch

CONTENT_TYPE = b"application/vnd.confluent.avro"
TYPE_PREFIX = "headrace."
_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", CONTENT_TYPE)


class Translator:
    """Translates journal records. `namespace` goes into `ce_source`: (source, id) tells every event from all others."""

    def __init__(self, codec: Codec, namespace: str, reason_limit_bytes: int, io: IoWatch) -> None:
        self._codec = codec
        self._io = io
        self._namespace = namespace
        self._reason_limit_bytes = reason_limit_bytes

    def translate(self, record: Record, message: JournalRecord) -> Iterator[Outgoing]:
        """Yield what an accepted journal record says to everybody, in its order."""
        trace = traceparent(record.headers)
        where = f"{record.topic}/{record.partition}"
        source = ("ce_source", f"/{self._namespace}/{where}".encode())
        number = f"{where}/{record.offset}/"
        for index, event in enumerate(message.events):
            if isinstance(event, CommandRejected):
                yield rejected_command(event, limit_bytes=self._reason_limit_bytes)
                continue
            topic = PUBLIC_TOPIC.get(type(event))
            if topic is None:
                continue
            trace_of = event.task.trace if isinstance(event, TaskAssigned) else getattr(event, "trace", "")
            at = getattr(event, "at", message.at)
            yield self._outgoing(topic, _public(event), f"{number}{index}", source, at, trace_of or trace)
            for place, derived in enumerate(self._io.take(event)):
                # Its id is the event's that it follows from, and a place.
                number_of = f"{number}{index}.{place}"
                yield self._outgoing(DERIVED_TOPIC[type(derived)], derived, number_of, source, derived.at, trace)

    def _outgoing(
        self, topic: str, event: Message, number: str, source: tuple[str, bytes], at: int, trace: str
    ) -> Outgoing:
        key = public_key(event).encode()
        headers: Headers = [
            _SPECVERSION,
            ("ce_id", number.encode()),
            _type_header(type(event)),
            source,
            ("ce_subject", key),
            _time_header(at),
            _CONTENT,
        ]
        if trace:
            headers.append((TRACEPARENT, trace.encode()))
        return Outgoing(topic=topic, key=key, value=self._codec.encode(event), headers=headers)


@cache
def _type_header(kind: type[Message]) -> tuple[str, bytes]:
    return "ce_type", f"{TYPE_PREFIX}{kind.type_name()}".encode()


# The events of a record mostly have the record's time, and those of the next one hardly another.
@lru_cache(maxsize=1024)
def _time_header(at: int) -> tuple[str, bytes]:
    time = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "ce_time", time.encode()


def _public(event: Message) -> Message:
    """Return an event as everybody sees it: an assignment without the input, which stands in `TaskScheduled`."""
    if isinstance(event, TaskAssigned):
        return msgspec.structs.replace(event, task=msgspec.structs.replace(event.task, input=b""))
    return event
