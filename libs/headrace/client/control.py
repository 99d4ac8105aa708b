"""What callers send to workflows that run, for both clients: each method makes a command and hands it to `send`.

`Sent` is what sending gives: the command's position for `Client`, an awaitable of it for `AsyncClient`. With
`wait=True` a method waits, in bounded time, until the command has been decided, and raises `CommandRefused` when it was
refused. Without it a refusal is an event of the log that nobody tells the caller of.

Whatever does not fit, a text that is no token included, raises `InvalidStart`, and nothing is sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from headrace.client.commands import JSON, NO_INPUT, checked_id, input_bytes
from headrace.client.errors import InvalidStart
from headrace.client.sending import WorkflowCommand, new_id, now_ms
from headrace.contracts.callback_tokens import InvalidToken, read_token
from headrace.contracts.commands import CancelWorkflow, TerminateWorkflow
from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.engine.identity import MAX_SIGNAL_NAME, is_signal_name
from headrace.runtime.settings import Settings

Sent = TypeVar("Sent")


class Control(ABC, Generic[Sent]):
    """The commands of a client, by workflow id or by the token of a callback."""

    settings: Settings

    @abstractmethod
    def send(self, command: WorkflowCommand, *, wait: bool = False) -> Sent:
        """Publish a command, and return its position once Kafka has it.

        Raises:
            NotReachable: Kafka did not take it in time; with `wait`, nobody can tell in time what became of it.
            CommandRefused: with `wait`, it was refused.
        """

    def signal(
        self,
        workflow_id: str,
        name: str,
        data: Any = None,
        *,
        content_type: str = JSON,
        command_id: str = "",
        wait: bool = False,
    ) -> Sent:
        """Send a signal to a workflow, which gets it by `ctx.receive(name)`, after those that were sent before it.

        `data` is any value that can travel (or bytes of another `content_type`). The same `command_id` is the same
        signal: sent twice, it is received once.
        """
        if not is_signal_name(name):
            wanted = f"the name of a signal, of 1 to {MAX_SIGNAL_NAME} printable characters"
            raise InvalidStart(f"Expected {wanted}, but found {name[:MAX_SIGNAL_NAME]!r}")
        command = SignalWorkflow(
            **_head(workflow_id, command_id), name=name, data=self._payload(data), content_type=content_type
        )
        return self.send(command, wait=wait)

    def cancel(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Ask a workflow to end; it may clean up first. One that has ended, or is not known, is left alone."""
        return self.send(CancelWorkflow(**_head(workflow_id), reason=reason), wait=wait)

    def terminate(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """End a workflow at once. One that has ended, or is not known, is left alone."""
        return self.send(TerminateWorkflow(**_head(workflow_id), reason=reason), wait=wait)

    def pause(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Let a workflow stand still: what comes for it is recorded, and it goes on when it is resumed."""
        return self.send(PauseWorkflow(**_head(workflow_id), reason=reason), wait=wait)

    def resume(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Let a paused workflow go on, or try one that is stuck again."""
        return self.send(ResumeWorkflow(**_head(workflow_id), reason=reason), wait=wait)

    def retry(
        self,
        workflow_id: str,
        *,
        from_task: str = "",
        input: Any = NO_INPUT,
        version: str = "",
        content_type: str = JSON,
        wait: bool = False,
    ) -> Sent:
        """Run a workflow again that failed, timed out or was cancelled, and take over what has succeeded.

        Args:
            workflow_id: the workflow.
            from_task: this task, and all that was asked for after it, runs again; else only what did not succeed.
            input: another input; what the change does not reach is taken over.
            version: of the definition; the latest unless given.
            content_type: of an input that is bytes.
            wait: see above.
        """
        command = RetryWorkflow(
            **_head(workflow_id),
            from_task=from_task,
            input=b"" if input is NO_INPUT else self._payload(input),
            content_type=content_type,
            version=version,
        )
        return self.send(command, wait=wait)

    def migrate(self, workflow_id: str, version: str = "", *, dry_run: bool = False, wait: bool = False) -> Sent:
        """Move a workflow to another version of its definition (the latest unless given), if a replay of its record
        with it agrees. `dry_run` only replays.
        """
        return self.send(MigrateWorkflow(**_head(workflow_id), version=version, dry_run=dry_run), wait=wait)

    def complete(
        self, token: str, output: Any = None, *, content_type: str = JSON, command_id: str = "", wait: bool = False
    ) -> Sent:
        """Complete a callback by its token: the workflow goes on with the output."""
        command = CompleteCallback(
            **_head(_workflow_of(token), command_id),
            token=token,
            output=self._payload(output),
            content_type=content_type,
        )
        return self.send(command, wait=wait)

    def fail(self, token: str, error: str, cause: str = "", *, command_id: str = "", wait: bool = False) -> Sent:
        """Fail a callback by its token: the workflow sees an error of this name."""
        if not error:
            raise InvalidStart("Expected the name of an error, but found none; the workflow tells errors by their name")
        command = FailCallback(**_head(_workflow_of(token), command_id), token=token, error=error, cause=cause)
        return self.send(command, wait=wait)

    def heartbeat(self, token: str, *, wait: bool = False) -> Sent:
        """Say that a callback is still being worked on."""
        return self.send(HeartbeatCallback(**_head(_workflow_of(token)), token=token), wait=wait)

    def _payload(self, value: Any) -> bytes:
        data, limit_bytes = input_bytes(value, {}), self.settings.largest_payload_bytes
        if len(data) > limit_bytes:
            raise InvalidStart(
                f"Expected data of at most {limit_bytes} bytes (HEADRACE_BLOB_LIMIT_BYTES, or "
                f"HEADRACE_PAYLOAD_LIMIT_BYTES where HEADRACE_BLOBS is off), but it has {len(data)}; hand over a "
                "reference to large data instead of the data"
            )
        return data


class HandleControl(Generic[Sent]):
    """The commands of a handle: those of its client, for its workflow."""

    id: str

    def __init__(self, control: Control[Sent], workflow_id: str) -> None:
        self._control = control
        self.id = workflow_id

    def signal(
        self, name: str, data: Any = None, *, content_type: str = JSON, command_id: str = "", wait: bool = False
    ) -> Sent:
        """Send a signal to the workflow; see `Control.signal`."""
        return self._control.signal(self.id, name, data, content_type=content_type, command_id=command_id, wait=wait)

    def cancel(self, reason: str = "", *, wait: bool = False) -> Sent:
        """Ask the workflow to end; it may clean up first."""
        return self._control.cancel(self.id, reason, wait=wait)

    def terminate(self, reason: str = "", *, wait: bool = False) -> Sent:
        """End the workflow at once."""
        return self._control.terminate(self.id, reason, wait=wait)

    def pause(self, reason: str = "", *, wait: bool = False) -> Sent:
        """Let the workflow stand still until it is resumed."""
        return self._control.pause(self.id, reason, wait=wait)

    def resume(self, reason: str = "", *, wait: bool = False) -> Sent:
        """Let the workflow go on, or try it again where it is stuck."""
        return self._control.resume(self.id, reason, wait=wait)

    def retry(self, *, from_task: str = "", input: Any = NO_INPUT, version: str = "", wait: bool = False) -> Sent:
        """Run the workflow again, and take over what has succeeded; see `Control.retry`."""
        return self._control.retry(self.id, from_task=from_task, input=input, version=version, wait=wait)

    def migrate(self, version: str = "", *, dry_run: bool = False, wait: bool = False) -> Sent:
        """Move the workflow to another version of its definition; see `Control.migrate`."""
        return self._control.migrate(self.id, version, dry_run=dry_run, wait=wait)


def _head(workflow_id: str, command_id: str = "") -> dict[str, Any]:
    """Return the fields that all commands have."""
    return {"command_id": command_id or new_id(), "workflow_id": checked_id(workflow_id), "issued_at": now_ms()}


def _workflow_of(token: str) -> str:
    """Return the workflow that gave out a token; whether it is genuine is for the decision service to say."""
    try:
        return read_token(token)[0].workflow_id
    except InvalidToken as error:
        raise InvalidStart(str(error)) from error
