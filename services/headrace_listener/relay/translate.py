"""From one journal record to public records: pure.

A public record has one event as its value, framed with the event's own schema, and CloudEvents 1.0 attributes in
its headers, as CloudEvents' Kafka protocol binding lays them out in binary mode (`ce_` before each; `content-type`
for `datacontenttype`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

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


class Translator:
    """Translates journal records. `namespace` goes into `ce_source`: (source, id) tells every event from all others."""

    def __init__(self, codec: Codec, namespace: str, reason_limit_bytes: int) -> None:
        self._codec = codec
        self._namespace = namespace
        self._reason_limit_bytes = reason_limit_bytes

    def translate(self, record: Record, message: JournalRecord) -> Iterator[Outgoing]:
        """Yield what an accepted journal record says to everybody, in its order."""
        trace = traceparent(record.headers)
        for index, event in enumerate(message.events):
            if isinstance(event, CommandRejected):
                yield rejected_command(event, limit_bytes=self._reason_limit_bytes)
                continue
            topic = PUBLIC_TOPIC.get(type(event))
            if topic is None:
                continue
            key = public_key(event)
            at = getattr(event, "at", message.at)
            own_trace = event.task.trace if isinstance(event, TaskAssigned) else getattr(event, "trace", "")
            yield Outgoing(
                topic=topic,
                key=key.encode(),
                value=self._codec.encode(_public(event)),
                headers=self._headers(record, index, event, key, at, own_trace or trace),
            )

    def _headers(self, record: Record, index: int, event: Message, key: str, at: int, trace: str) -> Headers:
        time = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        where = f"{record.topic}/{record.partition}"
        headers: Headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{where}/{record.offset}/{index}".encode()),
            ("ce_type", f"{TYPE_PREFIX}{event.type_name()}".encode()),
            ("ce_source", f"/{self._namespace}/{where}".encode()),
            ("ce_subject", key.encode()),
            ("ce_time", time.encode()),
            ("content-type", CONTENT_TYPE),
        ]
        if trace:
            headers.append((TRACEPARENT, trace.encode()))
        return headers


def _public(event: Message) -> Message:
    """Return an event as everybody sees it: an assignment without the input, which stands in `TaskScheduled`."""
    if isinstance(event, TaskAssigned):
        return msgspec.structs.replace(event, task=msgspec.structs.replace(event.task, input=b""))
    return event
