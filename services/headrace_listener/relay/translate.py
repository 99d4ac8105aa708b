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
from headrace.contracts.public_events import PUBLIC_TOPIC, public_key
from headrace.contracts.workflow_events import CommandRejected
from headrace.shard.ports import Record
from headrace_listener.dead_letters import rejected_command
from headrace_listener.outgoing import Outgoing

CONTENT_TYPE = b"application/vnd.confluent.avro"
TYPE_PREFIX = "headrace."
_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", CONTENT_TYPE)


class Translator:
    """Translates journal records. `namespace` goes into `ce_source`: (source, id) tells every event from all others."""

    def __init__(self, codec: Codec, namespace: str, reason_limit_bytes: int) -> None:
        self._codec = codec
        self._namespace = namespace
        self._reason_limit_bytes = reason_limit_bytes

    def translate(self, record: Record, message: JournalRecord) -> Iterator[Outgoing]:
        """Yield what an accepted journal record says to everybody, in its order."""
        trace = traceparent(record.headers)
        where = f"{record.topic}/{record.partition}"
        source = ("ce_source", f"/{self._namespace}/{where}".encode())
        number = f"{where}/{record.offset}/"
        encode = self._codec.encode
        for index, event in enumerate(message.events):
            if isinstance(event, CommandRejected):
                yield rejected_command(event, limit_bytes=self._reason_limit_bytes)
                continue
            kind = type(event)
            topic = PUBLIC_TOPIC.get(kind)
            if topic is None:
                continue
            key = public_key(event).encode()
            headers: Headers = [
                _SPECVERSION,
                ("ce_id", f"{number}{index}".encode()),
                _type_header(kind),
                source,
                ("ce_subject", key),
                _time_header(getattr(event, "at", message.at)),
                _CONTENT,
            ]
            own_trace = event.task.trace if isinstance(event, TaskAssigned) else getattr(event, "trace", "")
            if own_trace or trace:
                headers.append((TRACEPARENT, (own_trace or trace).encode()))
            yield Outgoing(topic=topic, key=key, value=encode(_public(event)), headers=headers)


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
