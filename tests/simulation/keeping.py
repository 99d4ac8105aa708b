"""Clients of workflows that go on for long: they start them, and now and then ask one to end.

They draw from chance of their own, so that a world without them is the same as ever.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec

from headrace.contracts.commands import CancelWorkflow, StartWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from tests.simulation.workflows.keeping import NAME, begin_anew, random_keeping

if TYPE_CHECKING:
    from tests.simulation.world import World

_MOST = 10
"""Workflows that go on for long, in one world."""


class Keepers:
    """Everybody who has to do with workflows that go on for long."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = Random(f"{seed} keepers")
        self._started: list[str] = []
        self._commands = 0
        begin_anew()

    def act(self) -> None:
        """Now and then, start one, or ask one to end."""
        if not self._world.shape.keepers or self._random.random() > self._world.shape.keepers:
            return
        if len(self._started) < _MOST and self._random.random() < 0.6:
            self._start()
        elif self._started and self._random.random() < 0.2:
            self._end()

    def _start(self) -> None:
        again = bool(self._started) and self._random.random() < 0.1
        workflow_id = self._random.choice(self._started) if again else f"k{len(self._started)}"
        if not again:
            self._started.append(workflow_id)
        plan = random_keeping(self._random, self._world.shape.tasks)
        self._world.note(f"start {workflow_id} as {NAME} {plan}")
        command = StartWorkflow(
            command_id=self._id(),
            workflow_id=workflow_id,
            issued_at=0,
            name=NAME,
            input=msgspec.json.encode({"n": self._random.randint(0, 10**6), "plan": plan}),
            if_exists="rerun",
        )
        self._send(workflow_id, command)

    def _end(self) -> None:
        workflow_id = self._random.choice(self._started)
        kind = self._random.choice((CancelWorkflow, CancelWorkflow, TerminateWorkflow))
        self._world.note(f"{kind.__name__} {workflow_id}")
        self._send(workflow_id, kind(command_id=self._id(), workflow_id=workflow_id, issued_at=0, reason="enough"))

    def _send(self, workflow_id: str, command: Message) -> None:
        self._world.clients.to_workflow(workflow_id, command)

    def _id(self) -> str:
        self._commands += 1
        return f"k{self._commands}"
