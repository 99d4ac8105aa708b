"""What callers send to workflows that run, for both clients: each method makes a command and hands it to `send`.

`Sent` is what sending gives: the command's position for `Client`, an awaitable of it for `AsyncClient`. With
`wait=True` a method waits, in bounded time, until the command has been decided, and raises `CommandRefused` when it was
refused.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from headrace.client.commands import checked_id
from headrace.client.sending import WorkflowCommand, new_id, now_ms
from headrace.contracts.commands import CancelWorkflow, TerminateWorkflow
from headrace.runtime.settings import Settings

Sent = TypeVar("Sent", covariant=True)  # noqa: PLC0105 (named for what it is)


class Control(ABC, Generic[Sent]):
    """The commands of a client, by workflow id."""

    settings: Settings

    @abstractmethod
    def send(self, command: WorkflowCommand, *, wait: bool = False) -> Sent:
        """Publish a command, and return its position once Kafka has it.

        Raises:
            NotReachable: Kafka did not take it in time; with `wait`, nobody can tell in time what became of it.
            CommandRefused: with `wait`, it was refused.
        """

    def cancel(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Ask a workflow to end; it may clean up first."""
        command = CancelWorkflow(
            command_id=new_id(), workflow_id=checked_id(workflow_id), issued_at=now_ms(), reason=reason
        )
        return self.send(command, wait=wait)

    def terminate(self, workflow_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """End a workflow at once."""
        command = TerminateWorkflow(
            command_id=new_id(), workflow_id=checked_id(workflow_id), issued_at=now_ms(), reason=reason
        )
        return self.send(command, wait=wait)


class HandleControl(Generic[Sent]):
    """The commands of a handle: those of its client, for its workflow."""

    id: str

    def __init__(self, control: Control[Sent], workflow_id: str) -> None:
        self._control = control
        self.id = workflow_id

    def cancel(self, reason: str = "", *, wait: bool = False) -> Sent:
        """Ask the workflow to end; it may clean up first."""
        return self._control.cancel(self.id, reason, wait=wait)

    def terminate(self, reason: str = "", *, wait: bool = False) -> Sent:
        """End the workflow at once."""
        return self._control.terminate(self.id, reason, wait=wait)
