"""`AsyncClient`: the client for asyncio. It has the methods of `Client`, as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeAlias

from headrace.client import reads
from headrace.client.api import AsyncReadApi
from headrace.client.canaries import CanaryControl
from headrace.client.commands import JSON, NO_INPUT, StartOptions, checked_id, input_bytes, start_command
from headrace.client.control import HandleControl
from headrace.client.errors import NotReachable, TimedOut
from headrace.client.publisher import TIMEOUT_S, Position
from headrace.client.results import fetched, result_type_of, typed_result
from headrace.client.schedules import ScheduleControl
from headrace.client.sending import CommandSender, WorkflowCommand, new_id, now_ms
from headrace.client.waiting import Waiting
from headrace.contracts.dispatch_commands import SetCanary
from headrace.runtime.settings import Settings

Rows: TypeAlias = list[dict[str, Any]]


class AsyncHandle(HandleControl[Coroutine[Any, Any, str]]):
    """One workflow, by its id. `position` is where its start command stands in the log, empty when this client did
    not start it.
    """

    def __init__(
        self,
        client: AsyncClient,
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
        return f"AsyncHandle(id={self.id!r}, position={self.position!r})"

    async def result(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 (it is the end of our own waiting)
        *,
        type: Any = None,
    ) -> Any:
        """Wait until the workflow has ended, and return its output; raises as `Handle.result` does."""
        answer = await self._client.wait(self, timeout)
        output = await asyncio.to_thread(fetched, answer["output"], self._client.settings)
        return typed_result(output, self._result_type if type is None else type, self.id)

    async def status(self) -> dict[str, Any]:
        """Return what `headrace get` shows, at least as fresh as the start."""
        return await self._client.get(self.id, after=self.position)


class AsyncClient(ScheduleControl[Coroutine[Any, Any, str]], CanaryControl[Coroutine[Any, Any, str]]):
    """A client for one namespace, within one event loop. Keep one, and close it (it is an async context manager)."""

    def __init__(self, settings: Settings | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        """See `Client`."""
        self.settings = settings or Settings.load()
        self._timeout_s = timeout_s
        self._opened: CommandSender | None = None
        self._api = AsyncReadApi(self.settings)

    async def start(
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
    ) -> AsyncHandle:
        """Publish the command that starts a workflow, and return its handle once Kafka has it; see `Client.start`."""
        command = start_command(
            workflow,
            input_bytes(input, arguments),
            StartOptions(
                id=id,
                version=version,
                if_exists=if_exists,
                key=key,
                correlation_id=correlation_id,
                content_type=content_type,
            ),
            command_id=new_id(),
            limit_bytes=self.settings.largest_payload_bytes,
            now_ms=now_ms(),
        )
        position = await self._send(command, traceparent)
        return AsyncHandle(
            self,
            command.workflow_id,
            position=position,
            command_id=command.command_id,
            result_type=result_type_of(workflow),
        )

    def handle(self, workflow_id: str) -> AsyncHandle:
        """Return the handle of a workflow that somebody else started."""
        return AsyncHandle(self, checked_id(workflow_id))

    async def send(self, command: WorkflowCommand, *, wait: bool = False) -> str:
        """Publish a command; see `Control.send`."""
        position = await self._send(command)
        if wait:
            answer = await self._api.ask(
                reads.command_question(command.command_id, after=position), f"command {command.command_id}"
            )
            refusal = reads.command_refusal(answer, command.workflow_id)
            if refusal is not None:
                raise refusal
        return position

    async def get(self, workflow_id: str, *, after: str = "") -> dict[str, Any]:
        """Return a workflow as `headrace get --json` prints it, at least as fresh as the position `after`."""
        question = reads.workflow_question(workflow_id, after=after)
        found: dict[str, Any] = await self._api.ask(question, f"workflow {workflow_id}")
        return found

    async def list(self, *, limit: int = 100, **filters: Any) -> Rows:
        """Return workflows, newest first; filters as for `Client.list`."""
        return await self._pages(reads.list_question({**filters, "limit": min(limit, 500)}), "workflows", limit)

    async def history(self, workflow_id: str, *, after: str = "") -> Rows:
        """Return the events of a workflow, in order."""
        question = reads.workflow_question(workflow_id, part="history", after=after)
        return await self._pages(question, f"history of workflow {workflow_id}", None)

    async def schedule(self, schedule_id: str, *, after: str = "") -> dict[str, Any]:
        """Return a schedule with its next times and last runs; see `Client.schedule`."""
        question = reads.schedule_question(schedule_id, after=after)
        found: dict[str, Any] = await self._api.ask(question, f"schedule {schedule_id}")
        return found

    async def schedules(self, *, limit: int = 100) -> Rows:
        """Return schedules, by their ids."""
        return await self._pages(reads.schedule_question(limit=limit), "schedules", limit)

    async def schedule_runs(self, schedule_id: str, *, after: str = "", limit: int = 100) -> Rows:
        """Return what a schedule has started or means to start, the latest time first."""
        question = reads.schedule_question(schedule_id, part="runs", after=after, limit=limit)
        return await self._pages(question, f"runs of schedule {schedule_id}", limit)

    async def queues(self) -> Rows:
        """Return queues: what waits, runs and is held back, limits, since when one is full, canaries."""
        return await self._pages((f"{reads.ROOT}/queues", {"limit": "500"}), "queues", None)

    async def wait(
        self,
        handle: AsyncHandle,
        timeout: float | None = None,  # noqa: ASYNC109 (the same)
    ) -> dict[str, Any]:
        """Wait until a workflow has ended, and return it as `get` does; raises as `Handle.result` does."""
        waiting = Waiting(handle.id, position=handle.position, command_id=handle.command_id, timeout_s=timeout)
        while True:
            try:
                answer: dict[str, Any] = await self._api.ask(waiting.question(), f"workflow {handle.id}")
                if waiting.saw(answer):
                    return answer
            except TimedOut:
                raise
            except NotReachable as error:
                waiting.away(error)
            await asyncio.sleep(waiting.pause_s())

    async def close(self) -> None:
        """Send what waits, and close the connections."""
        if self._opened is not None:
            await asyncio.to_thread(self._opened.publisher.close)
        await self._api.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, command: WorkflowCommand, traceparent: str = "") -> str:
        sender = self._sender()
        await asyncio.to_thread(sender.prepare)
        if sender.is_large(command):
            command = await asyncio.to_thread(sender.pack, command)
        position: Position = await asyncio.wrap_future(sender.send(command, traceparent))
        return str(position)

    async def _send_canary(self, command: SetCanary) -> str:
        sent = await asyncio.to_thread(self._sender().send_canary, command)
        position: Position = await asyncio.wrap_future(sent)
        return str(position)

    def _sender(self) -> CommandSender:
        if self._opened is None:
            self._opened = CommandSender(self.settings, self._timeout_s)
            self._opened.publisher.start_polling()
        return self._opened

    async def _pages(self, question: reads.Question, what: str, limit: int | None) -> Rows:
        path, parameters = question
        items: Rows = []
        while True:
            page = await self._api.ask((path, parameters), what)
            items += page["items"]
            cursor = page.get("next_cursor")
            if not cursor or (limit is not None and len(items) >= limit):
                return items if limit is None else items[:limit]
            parameters = {**parameters, "cursor": cursor}
