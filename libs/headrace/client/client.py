"""`Client`: start workflows and see what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from headrace.client import reads
from headrace.client.api import ReadApi
from headrace.client.canaries import CanaryControl
from headrace.client.commands import JSON, NO_INPUT, StartOptions, checked_id, input_bytes, start_command
from headrace.client.control import HandleControl
from headrace.client.errors import NotReachable, TimedOut
from headrace.client.publisher import TIMEOUT_S
from headrace.client.results import fetched, result_type_of, typed_result
from headrace.client.schedules import ScheduleControl
from headrace.client.sending import CommandSender, WorkflowCommand, new_id, now_ms
from headrace.client.waiting import Waiting
from headrace.contracts.dispatch_commands import SetCanary
from headrace.runtime.settings import Settings

Rows: TypeAlias = list[dict[str, Any]]


class Handle(HandleControl[str]):
    """One workflow, by its id. `position` is where its start command stands in the log, empty when this client did
    not start it.
    """

    def __init__(
        self,
        client: Client,
        workflow_id: str,
        *,
        position: str = "",
        command_id: str = "",
        result_type: Any = Any,
    ) -> None:
        super().__init__(client, workflow_id)
        self._client = client
        self._result_type = result_type
        self.position = position
        self.command_id = command_id

    def __repr__(self) -> str:
        return f"Handle(id={self.id!r}, position={self.position!r})"

    def result(self, timeout: float | None = None, *, type: Any = None) -> Any:
        """Wait until the workflow has ended, and return its output. `timeout` is in seconds; None waits as long as it
        takes.

        The output is converted to `type`: what the workflow is annotated to return unless given, where the handle came
        from a start of the workflow itself, not of its name.

        Raises:
            StartRefused: it was never started.
            WorkflowFailed: it ended otherwise than by success, or is stuck.
            ResultMismatch: its output is not of the type.
            TimedOut: it still runs after `timeout`.
            NoSuchWorkflow: there is no workflow of this id.
            NotReachable: the read API has been away for too long, or the store of a large output is.
        """
        output = fetched(self._client.wait(self, timeout)["output"], self._client.settings)
        return typed_result(output, self._result_type if type is None else type, self.id)

    def status(self) -> dict[str, Any]:
        """Return what `headrace get` shows, at least as fresh as the start."""
        return self._client.get(self.id, after=self.position)

    def history(self) -> Rows:
        """Return the events of the workflow, in order."""
        return self._client.history(self.id, after=self.position)


class Client(ScheduleControl[str], CanaryControl[str]):
    """A client for one namespace. Safe to share between threads; keep one, and close it (it is a context manager) at
    the end.
    """

    def __init__(self, settings: Settings | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        """`settings` come from the environment, or from the running `headrace dev`, unless given.

        `timeout_s` bounds every exchange with Kafka.
        """
        self.settings = settings or Settings.load()
        self._timeout_s = timeout_s
        self._opened: CommandSender | None = None
        self._api = ReadApi(self.settings)

    def start(
        self,
        workflow: Any,
        input: Any = NO_INPUT,
        *,
        id: str = "",
        version: str = "",
        if_exists: str = "join",
        key: str = "",
        correlation_id: str = "",
        content_type: str = JSON,
        traceparent: str = "",
        **arguments: Any,
    ) -> Handle:
        """Publish the command that starts a workflow, and return its handle once Kafka has it.

        Args:
            workflow: a `@workflow` function, or a name, or `name@version`.
            input: any value that can travel (or bytes of another `content_type`); or give keyword arguments.
            id: the workflow's id; a fresh one unless given. The same id starts nothing twice: see `if_exists`.
            version: of the definition; the latest unless given.
            if_exists: `join` the workflow of this id, `fail`, or `rerun` it when it has ended.
            key: runs of one workflow under the same key see each other's last result.
            correlation_id: ties messages of one business transaction together.
            content_type: of an input that is bytes.
            traceparent: W3C trace context to go on with; that of the caller's own OpenTelemetry span unless given.
            arguments: the input as keyword arguments.

        Raises:
            InvalidStart: id, input or options do not fit; nothing was sent.
            NotReachable: Kafka did not take it in time.
        """
        options = StartOptions(
            id=id,
            version=version,
            if_exists=if_exists,
            key=key,
            correlation_id=correlation_id,
            content_type=content_type,
        )
        command = start_command(
            workflow,
            input_bytes(input, arguments),
            options,
            command_id=new_id(),
            limit_bytes=self.settings.largest_payload_bytes,
            now_ms=now_ms(),
        )
        position = self._send(command, traceparent)
        return Handle(
            self,
            command.workflow_id,
            position=position,
            command_id=command.command_id,
            result_type=result_type_of(workflow),
        )

    def handle(self, workflow_id: str) -> Handle:
        """Return the handle of a workflow that somebody else started."""
        return Handle(self, checked_id(workflow_id))

    def send(self, command: WorkflowCommand, *, wait: bool = False) -> str:
        """Publish a command; see `Control.send`."""
        position = self._send(command)
        if wait:
            asked = reads.command_question(command.command_id, after=position)
            answer = self._api.ask(asked, f"command {command.command_id}")
            refusal = reads.command_refusal(answer, command.workflow_id)
            if refusal is not None:
                raise refusal
        return position

    def get(self, workflow_id: str, *, after: str = "", fresh_s: float = reads.FRESH_S) -> dict[str, Any]:
        """Return a workflow as `headrace get --json` prints it, at least as fresh as the position `after`.

        `fresh_s` bounds how long to wait for that, in seconds.

        Raises:
            NoSuchWorkflow: there is none.
            NotReachable: the read API is away, or too far behind.
        """
        question = reads.workflow_question(workflow_id, after=after, fresh_s=fresh_s)
        found: dict[str, Any] = self._api.ask(question, f"workflow {workflow_id}")
        return found

    def list(self, *, limit: int = 100, **filters: Any) -> Rows:
        """Return workflows, newest first. Filters: `status`, `name`, `started_after`, `started_before`, `where`."""
        return self._pages(reads.list_question({**filters, "limit": min(limit, 500)}), "workflows", limit)

    def history(
        self, workflow_id: str, *, after: str = "", type: str = "", limit: int | None = None, whole: bool = False
    ) -> Rows:
        """Return the events of a workflow, in order, or only those of a type; `whole` with payloads of any length, as
        a replay needs them.
        """
        return self._part(workflow_id, "history", after, limit, name=type, payloads="whole" if whole else "")

    def tasks(self, workflow_id: str, *, after: str = "", status: str = "", limit: int | None = None) -> Rows:
        """Return the tasks of a workflow, or only those of a status."""
        return self._part(workflow_id, "tasks", after, limit, status=status)

    def logs(
        self,
        workflow_id: str,
        *,
        after: str = "",
        limit: int | None = None,
        since: str = "",
        until: str = "",
        **filters: str,
    ) -> Rows:
        """Return what the tasks of a workflow logged and printed, and what services logged about it, by time.

        `since` and `until` are ISO 8601. Filters: `node`, `text`, `service`, `source`, `level`, `where`.
        """
        return self._part(workflow_id, "logs", after, limit, **{"from": since, "to": until, **filters})

    def schedule(self, schedule_id: str, *, after: str = "") -> dict[str, Any]:
        """Return a schedule with its next times and last runs, at least as fresh as the position `after`.

        Raises:
            NoSuchWorkflow: there is no such schedule.
        """
        question = reads.schedule_question(schedule_id, after=after)
        found: dict[str, Any] = self._api.ask(question, f"schedule {schedule_id}")
        return found

    def schedules(self, *, limit: int = 100) -> Rows:
        """Return schedules, by their ids."""
        return self._pages(reads.schedule_question(limit=limit), "schedules", limit)

    def schedule_runs(self, schedule_id: str, *, after: str = "", limit: int = 100) -> Rows:
        """Return what a schedule has started or means to start, the latest time first."""
        asked = reads.schedule_question(schedule_id, part="runs", after=after, limit=limit)
        return self._pages(asked, f"runs of schedule {schedule_id}", limit)

    def queues(self) -> Rows:
        """Return queues: what waits, runs and is held back, limits, since when one is full, canaries."""
        return self._pages((f"{reads.ROOT}/queues", {"limit": "500"}), "queues", None)

    def wait(
        self, handle: Handle, timeout: float | None = None, *, seen: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Wait until a workflow has ended, and return it as `get` does; raises as `Handle.result` does.

        `seen` is called with each answer on the way, to show progress.
        """
        waiting = Waiting(
            handle.id,
            position=handle.position,
            command_id=handle.command_id,
            timeout_s=timeout,
            watch=seen is not None,
        )
        while True:
            try:
                answer: dict[str, Any] = self._api.ask(waiting.question(), f"workflow {handle.id}")
                if seen is not None:
                    seen(answer)
                if waiting.saw(answer):
                    return answer
            except TimedOut:
                raise
            except NotReachable as error:
                waiting.away(error)
            time.sleep(waiting.pause_s())

    def close(self) -> None:
        """Send what waits, and close the connections."""
        if self._opened is not None:
            self._opened.publisher.close()
        self._api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def _send(self, command: WorkflowCommand, traceparent: str = "") -> str:
        sender = self._sender()
        return str(sender.publisher.wait(sender.send(command, traceparent)))

    def _send_canary(self, command: SetCanary) -> str:
        sender = self._sender()
        return str(sender.publisher.wait(sender.send_canary(command)))

    def _sender(self) -> CommandSender:
        if self._opened is None:  # readers need no producer
            self._opened = CommandSender(self.settings, self._timeout_s)
        return self._opened

    def _part(self, workflow_id: str, part: str, after: str, limit: int | None, **filters: str) -> Rows:
        path, parameters = reads.workflow_question(workflow_id, part=part, after=after)
        parameters |= {name: value for name, value in filters.items() if value}
        if limit is not None:
            parameters["limit"] = str(min(limit, 500))
        return self._pages((path, parameters), f"{part} of workflow {workflow_id}", limit)

    def _pages(self, question: reads.Question, what: str, limit: int | None) -> Rows:
        path, parameters = question
        items: Rows = []
        while True:
            page = self._api.ask((path, parameters), what)
            items += page["items"]
            cursor = page.get("next_cursor")
            if not cursor or (limit is not None and len(items) >= limit):
                return items if limit is None else items[:limit]
            parameters = {**parameters, "cursor": cursor}
