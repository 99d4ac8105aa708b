"""What both clients do to send a command: choose the partition, encode, and hand the trace on."""

from __future__ import annotations

import sys
import time
import uuid
from concurrent.futures import Future

from headrace.client.publisher import Position, Publisher
from headrace.contracts.commands import CancelWorkflow, StartWorkflow, TerminateWorkflow
from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.headers import TRACEPARENT
from headrace.contracts.partition import shard_of
from headrace.contracts.schedule_commands import ScheduleCommand
from headrace.contracts.topics import WORKER_REPORTS, WORKFLOW_COMMANDS
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.runtime import telemetry
from headrace.runtime.codecs import codec_for
from headrace.runtime.payloads import sealing_for
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
    """Sends commands to the shards that own their workflows. All that a client sends goes through here, and is sealed
    here where there are keys.
    """

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self.publisher = Publisher(settings, timeout_s=timeout_s)
        self._codec = codec_for(settings)
        self._sealing = sealing_for(settings)

    def prepare(self) -> None:
        """Ask Kafka for what the first command needs, which blocks; afterwards `send` does not.

        Raises:
            NotReachable: Kafka or the namespace is not there.
        """
        self.publisher.partitions(WORKFLOW_COMMANDS)

    def send(self, command: WorkflowCommand, traceparent: str = "") -> Future[Position]:
        """Hand a command to the producer; it goes on with a trace, by default that of the caller's own span.

        Raises:
            NotReachable: Kafka or the namespace is not there.
        """
        partition = shard_of(command.workflow_id, self.publisher.partitions(WORKFLOW_COMMANDS))
        attributes = {"workflow_id": command.workflow_id, "command": command.type_name()}
        parent = traceparent or current_traceparent()
        with telemetry.start_span("send command", parent, attributes, kind="producer") as handed_on:
            headers = [(TRACEPARENT, handed_on.encode())] if handed_on else []
            value = self._codec.encode(self._sealing.sealed(command, command.workflow_id))
            return self.publisher.send(WORKFLOW_COMMANDS, partition, command.workflow_id, value, headers)

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
