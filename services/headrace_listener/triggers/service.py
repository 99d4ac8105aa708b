"""One trigger at work: a start command for every record of its topic, committed once Kafka has the commands.

A record may be read again, after a crash; its command has the same ids then, and the decision service starts
nothing twice.
"""

from __future__ import annotations

import logging
import threading
import time

from headrace.authoring.triggers import TriggerDefinition
from headrace.contracts import topics
from headrace.contracts.headers import TRACEPARENT, Headers, traceparent
from headrace.runtime import metrics, telemetry
from headrace.shard.ports import Record
from headrace_listener.context import ServiceContext
from headrace_listener.dead_letters import dead_letter
from headrace_listener.group_reader import GroupReader
from headrace_listener.outbox import Outbox
from headrace_listener.outgoing import Outgoing
from headrace_listener.states import Progress
from headrace_listener.triggers.commands import Unusable, command_for

_log = logging.getLogger("headrace.trigger")
_started = metrics.counter("headrace.trigger.starts", "Start commands that triggers have sent")


def group_of(namespace: str, name: str) -> str:
    """Return the consumer group that holds a trigger's position."""
    return f"{namespace}.trigger.{name}"


class TriggerService:
    """Runs one trigger, in the thread that calls `run`."""

    def __init__(
        self, definition: TriggerDefinition, context: ServiceContext, outbox: Outbox, progress: Progress
    ) -> None:
        self.ready = threading.Event()
        """Set once it has its place in its topic, or there is no such topic."""
        self._definition = definition
        self._context = context
        self._limits = context.limits
        self._outbox = outbox
        self._progress = progress
        self._reader = GroupReader(
            context.settings,
            [definition.topic],
            group=group_of(context.settings.namespace, definition.name),
            start=definition.start,
            limits=context.limits,
            availability=context.availability,
        )

    def run(self, stop: threading.Event) -> None:
        """Start workflows until `stop`."""
        try:
            while not stop.is_set():
                records = self._reader.poll(self._limits.idle_wait_ms if self.ready.is_set() else 50)
                if self._reader.placed():
                    self.ready.set()
                if records and self._outbox.deliver([self._outgoing(record) for record in records], stop):
                    for record in records:
                        self._reader.done(record)
                self._reader.commit()
                self._progress.at(self._reader.positions(), self._reader.lag())
        finally:
            self._reader.close()

    def _outgoing(self, record: Record) -> Outgoing:
        now_ms = time.time_ns() // 1_000_000
        limit = self._context.settings.payload_limit_bytes
        try:
            command = command_for(self._definition, record, limit_bytes=limit, now_ms=now_ms)
        except Unusable as error:
            return self._dead_letter(record, error, now_ms)
        attributes = {"headrace.trigger": self._definition.name, "headrace.workflow_id": command.workflow_id}
        with telemetry.start_span(
            f"trigger {self._definition.name}", traceparent(record.headers), attributes, "producer"
        ) as trace:
            headers: Headers = [(TRACEPARENT, trace.encode())] if trace else []
        _started.add(trigger=self._definition.name)
        self._progress.handled()
        return Outgoing(
            topic=topics.WORKFLOW_COMMANDS,
            key=command.workflow_id.encode(),
            value=self._context.codec.encode(self._context.sealing.sealed(command, command.workflow_id)),
            headers=headers,
        )

    def _dead_letter(self, record: Record, error: Unusable, now_ms: int) -> Outgoing:
        where = f"{record.topic}[{record.partition}] offset {record.offset}"
        _log.error("trigger %s: %s goes to the dead letters: %s", self._definition.name, where, error)
        self._progress.failed(str(error), now_ms)
        self._progress.gave_up()
        return dead_letter(
            key=record.key,
            value=record.value,
            error=error.error,
            reason=str(error),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            limit_bytes=self._limits.reason_limit_bytes,
            headers=record.headers,
            trigger=self._definition.name,
        )
