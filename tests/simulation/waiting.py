"""Clients of workflows that wait: they start some, send signals, and use the tokens of callbacks, well or badly.

They draw from chance of their own, so that a world without them is the same as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.contracts.commands import StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.contracts.wait_events import CallbackOpened
from headrace.engine.tokens import Tokens
from tests.simulation.workflows.waiters import SIGNALS, UNKNOWN, WAITER, random_waits

if TYPE_CHECKING:
    from tests.simulation.world import World

TOKENS = Tokens(b"headrace")
_MOST = 8
"""Workflows that wait, in one world."""


class Waiting:
    """Everybody who has to do with workflows that wait. `opened` returns the callbacks that the journals show."""

    def __init__(self, world: World, seed: int) -> None:
        self.opened: Callable[[], Sequence[CallbackOpened]] = list
        self._world = world
        self._random = Random(f"{seed} waits")
        self._started: list[str] = []
        self._commands = 0

    def wants(self) -> bool:
        """Tell whether one of them does something now."""
        return bool(self._world.shape.waits) and self._random.random() < self._world.shape.waits

    def act(self) -> None:
        """Do something."""
        random = self._random
        if len(self._started) < _MOST and random.random() < 0.25:
            self._start()
        elif random.random() < 0.7:
            self._signal()
        else:
            self._use_token()

    def _start(self) -> None:
        random, world = self._random, self._world
        again = bool(self._started) and random.random() < 0.2
        workflow_id = random.choice(self._started) if again else f"v{len(self._started)}"
        if not again:
            self._started.append(workflow_id)
        plan = random_waits(random, world.clients.started, [one for one in self._started if one != workflow_id])
        world.note(f"start {workflow_id} as {WAITER} {plan}")
        command = StartWorkflow(
            command_id=self._id(),
            workflow_id=workflow_id,
            issued_at=0,
            name=WAITER,
            input=msgspec.json.encode({"n": random.randint(0, 10**6), "plan": plan}),
            if_exists="rerun",
        )
        world.clients.to_workflow(workflow_id, command)

    def _signal(self) -> None:
        random = self._random
        workflow_id = random.choice([*self._started, *self._started, *self._world.clients.started, UNKNOWN])
        command_id = self._id()
        command = SignalWorkflow(
            command_id=command_id,
            workflow_id=workflow_id,
            issued_at=0,
            name=random.choice(SIGNALS),
            data=msgspec.json.encode(command_id),
        )
        for _ in range(random.choice((1, 1, 1, 2))):
            self._world.clients.to_workflow(workflow_id, command)

    def _use_token(self) -> None:
        random = self._random
        opened = self.opened()
        if not opened:
            return
        found = random.choice(opened[-6:])
        secret = TOKENS if random.random() < 0.95 else Tokens(b"forged")
        token = secret.mint(found.workflow_id, found.run_id, found.step)
        ids: dict[str, Any] = {
            "command_id": self._id(),
            "workflow_id": found.workflow_id,
            "issued_at": 0,
            "token": token,
        }
        commands: list[Message] = [
            CompleteCallback(**ids, output=msgspec.json.encode(ids["command_id"])),
            FailCallback(**ids, error="Refused", cause="no"),
            HeartbeatCallback(**ids),
        ]
        self._world.clients.to_workflow(found.workflow_id, random.choice(commands))

    def _id(self) -> str:
        self._commands += 1
        return f"v{self._commands}"
