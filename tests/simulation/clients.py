"""Clients: start, cancel and terminate, at least once, and now and then to the wrong shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow, StartWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.topics import RESOURCE_COMMANDS, WORKFLOW_COMMANDS
from tests.simulation.workflows.scripts import NAME, random_plan

if TYPE_CHECKING:
    from tests.simulation.world import World

CODEC = Codec()
RESOURCES = {"press": 1, "oven": 3, "hall": 50}


class Clients:
    """Everybody who sends commands from outside; `sent` is what was sent, by partition, to be sent again."""

    def __init__(self, world: World) -> None:
        self.sent: list[tuple[str, int, bytes, bytes]] = []
        self.started: list[str] = []
        self._world = world
        self._commands = 0

    def declare(self) -> None:
        """Make the resources known."""
        for resource, capacity in RESOURCES.items():
            partition = shard_of(resource, self._world.shape.resource_shards)
            command = DeclareResource(command_id=self.new_id(), resource=resource, capacity=capacity, issued_at=0)
            self._send(RESOURCE_COMMANDS, partition, resource, command)

    def start(self) -> None:
        """Start a workflow, mostly under a new id, else again under one that was used."""
        random, shape = self._world.random, self._world.shape
        names = [name for name in self._world.documents if name != "leaf"] + [NAME]
        name = random.choice(names)
        n = random.randint(0, 10**6)
        payload: dict[str, Any] = {"n": n}
        if name == NAME:
            payload["plan"] = random_plan(random, shape.tasks)
        else:
            payload["items"] = [f"{at}-{'i' * random.choice((3, 300))}" for at in range(random.choice(shape.items))]
        again = bool(self.started) and random.random() < shape.reuse
        workflow_id = random.choice(self.started) if again else f"w{len(self.started)}"
        if not again:
            self.started.append(workflow_id)
        if_exists = random.choice(("join", "fail", "rerun", "rerun"))
        command = StartWorkflow(
            command_id=self.new_id(),
            workflow_id=workflow_id,
            issued_at=0,
            name=name,
            input=msgspec.json.encode(payload),
            if_exists=if_exists,
        )
        self._world.note(f"start {workflow_id} as {name} ({if_exists}) n={n}")
        self.to_workflow(workflow_id, command)

    def cancel(self, workflow_id: str) -> None:
        """Ask a workflow to end."""
        self._world.note(f"cancel {workflow_id}")
        command = CancelWorkflow(command_id=self.new_id(), workflow_id=workflow_id, issued_at=0, reason="enough")
        self.to_workflow(workflow_id, command)

    def terminate(self, workflow_id: str) -> None:
        """End a workflow at once."""
        self._world.note(f"terminate {workflow_id}")
        command = TerminateWorkflow(command_id=self.new_id(), workflow_id=workflow_id, issued_at=0, reason="now")
        self.to_workflow(workflow_id, command)

    def send_again(self) -> None:
        """Send something a second time, as clients do that have not heard of the first."""
        if self.sent:
            topic, partition, key, value = self._world.random.choice(self.sent)
            self._world.log.append(topic, partition, value, key=key)

    def to_workflow(self, workflow_id: str, command: Message) -> None:
        """Send a command to the shard of an id, or now and then to another one."""
        shards = self._world.shape.decision_shards
        partition = shard_of(workflow_id, shards)
        if self._world.random.random() < 0.1:
            partition = self._world.random.randrange(shards)
        self._send(WORKFLOW_COMMANDS, partition, workflow_id, command)

    def _send(self, topic: str, partition: int, key: str, command: Message) -> None:
        value = CODEC.encode(command)
        self.sent.append((topic, partition, key.encode(), value))
        self._world.log.append(topic, partition, value, key=key.encode())

    def new_id(self) -> str:
        """Return an id for a command."""
        self._commands += 1
        return f"c{self._commands}"
