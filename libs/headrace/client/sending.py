"""What both clients do to send a command: choose the partition, encode, and hand the trace on."""

from __future__ import annotations

import sys
import time
import uuid
from concurrent.futures import Future

from headrace.client.errors import InvalidStart, NotReachable
from headrace.client.publisher import Position, Publisher
from headrace.contracts.commands import CancelWorkflow, StartWorkflow, TerminateWorkflow
from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.headers import TRACEPARENT
from headrace.contracts.partition import shard_of
from headrace.contracts.schedule_commands import ScheduleCommand
from headrace.contracts.topics import WORKER_REPORTS, WORKFLOW_COMMANDS
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.payloads.blobs import BlobUnavailable
from headrace.payloads.courier import TooLarge
from headrace.runtime import telemetry
from headrace.runtime.codecs import codec_for
from headrace.runtime.payloads import courier_for
from headrace.runtime.settings import Settings

WorkflowCommand = (
    StartWorkflow
    | CancelWorkflow
    | TerminateWorkflow
    | SignalWorkflow
    | PauseWorkflow
    | ResumeWorkflow
    | MigrateWorkflow
    | RetryWorkflow
    | CompleteCallback
    | FailCallback
    | HeartbeatCallback
    | ScheduleCommand
)


def new_id() -> str:
    """Return a fresh id for a command."""
    return uuid.uuid4().hex


def now_ms() -> int:
    """Return the time, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class CommandSender:
    """Sends commands to the shards that own their workflows. All that a client sends goes through here; here it is
    sealed where there are keys, and stored elsewhere where it is too large for the log.
    """

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self.publisher = Publisher(settings, timeout_s=timeout_s)
        self._codec = codec_for(settings)
        self._courier = courier_for(settings)

    def prepare(self) -> None:
        """Ask Kafka for what the first command needs, which blocks; afterwards `send` does not.

        Raises:
            NotReachable: Kafka or the namespace is not there.
        """
        self.publisher.partitions(WORKFLOW_COMMANDS)

    def send(self, command: WorkflowCommand, traceparent: str = "") -> Future[Position]:
        """Hand a command to the producer; it goes on with a trace, by default that of the caller's own span.

        Raises:
            NotReachable: Kafka or the namespace is not there, or not the store for what is too large for the log.
            InvalidStart: something is larger than anything may be.
        """
        partition = shard_of(command.workflow_id, self.publisher.partitions(WORKFLOW_COMMANDS))
        attributes = {"workflow_id": command.workflow_id, "command": command.type_name()}
        parent = traceparent or current_traceparent()
        with telemetry.start_span("send command", parent, attributes, kind="producer") as handed_on:
            headers = [(TRACEPARENT, handed_on.encode())] if handed_on else []
            value = self._codec.encode(self.pack(command))
            return self.publisher.send(WORKFLOW_COMMANDS, partition, command.workflow_id, value, headers)

    def is_large(self, command: WorkflowCommand) -> bool:
        """Tell whether something of a command is stored elsewhere before it is sent, which blocks; see `pack`."""
        return self._courier.is_large(command)

    def pack(self, command: WorkflowCommand) -> WorkflowCommand:
        """Return a command as it goes into the log. `send` does it too; once is enough.

        Raises:
            NotReachable: what is too large for the log cannot be stored elsewhere now.
            InvalidStart: something is larger than anything may be.
        """
        try:
            return self._courier.packed(command, command.workflow_id)
        except BlobUnavailable as error:
            raise NotReachable(str(error)) from error
        except TooLarge as error:
            raise InvalidStart(str(error)) from error

    def send_canary(self, command: SetCanary) -> Future[Position]:
        """Hand a canary to the producer, for the dispatcher of its queue.

        Raises:
            NotReachable: Kafka or the namespace is not there.
        """
        partition = shard_of(command.queue, self.publisher.partitions(WORKER_REPORTS))
        return self.publisher.send(WORKER_REPORTS, partition, command.queue, self._codec.encode(command))


def current_traceparent() -> str:
    """Return the traceparent of the caller's own span, where the caller uses OpenTelemetry."""
    if "opentelemetry.trace" not in sys.modules:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")
