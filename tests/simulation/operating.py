"""Operators: they pause, resume and retry workflows, and move them to versions with which a replay of them agrees.

They draw from chance of their own, so that a world without them is the same as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.testing.definitions import InMemoryDefinitions

if TYPE_CHECKING:
    from tests.simulation.world import World

_OTHER_INPUT = b'{"n": 7, "items": ["x"], "plan": [["run", "echo", 0], ["run", "flaky", 1]]}'
"""Fits all that is started by chance."""


class AnyVersion(InMemoryDefinitions):
    """Definitions of which every version is there, and all are alike: workflows may move from any to any."""

    def get(self, name: str, version: str) -> Definition | None:
        """Return a version of a definition."""
        found = super().get(name, version)
        return msgspec.structs.replace(found, version=version) if found is not None else None


class Operators:
    """Everybody who steps in. `failed` tells which workflows have ended without success, by the log."""

    def __init__(self, world: World, seed: int) -> None:
        self.failed: Callable[[], list[str]] = list
        self._world = world
        self._random = Random(f"{seed} operators")
        self._commands = 0
        self._actions = (self._pause, self._pause, self.resume, self.resume, self._retry, self._retry, self._replay)

    def act(self) -> None:
        """Now and then, do something to a workflow."""
        world = self._world
        if world.shape.operators and self._random.random() < world.shape.operators and world.clients.started:
            self._random.choice(self._actions)(self._random.choice(world.clients.started))

    def resume(self, workflow_id: str) -> None:
        """Let a workflow go on."""
        self._send(ResumeWorkflow(**self._ids(workflow_id), reason="it may"))

    def retry_failed(self) -> None:
        """Retry whatever has failed, as it is or in another way."""
        for workflow_id in sorted(set(self.failed()) & set(self._world.clients.started)):
            self._send_retry(workflow_id)

    def _pause(self, workflow_id: str) -> None:
        self._send(PauseWorkflow(**self._ids(workflow_id), reason="wait"))

    def _replay(self, workflow_id: str) -> None:
        version = self._random.choice(("again", "once more"))
        self._send(MigrateWorkflow(**self._ids(workflow_id), version=version, dry_run=self._random.random() < 0.5))

    def _retry(self, workflow_id: str) -> None:
        failed = sorted(set(self.failed()) & set(self._world.clients.started))
        if failed and self._random.random() < 0.8:
            workflow_id = self._random.choice(failed)
        self._send_retry(workflow_id)

    def _send_retry(self, workflow_id: str) -> None:
        from_task = self._random.choice(("", "", "", "t0", "echo", "flaky"))
        data = _OTHER_INPUT if self._random.random() < 0.2 else b""
        self._send(RetryWorkflow(**self._ids(workflow_id), from_task=from_task, input=data))

    def _send(self, command: Message) -> None:
        workflow_id: str = command.workflow_id  # type: ignore[attr-defined]
        self._world.note(f"{command.type_name()} {workflow_id}")
        self._world.clients.to_workflow(workflow_id, command)

    def _ids(self, workflow_id: str) -> dict[str, Any]:
        self._commands += 1
        return {"command_id": f"o{self._commands}", "workflow_id": workflow_id, "issued_at": 0}
