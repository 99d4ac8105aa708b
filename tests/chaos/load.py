"""Starts workflows of every kind, evenly over the shards, and knows what it has started and what has ended."""

from __future__ import annotations

import time
import uuid
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

from headrace.client.publisher import Position
from headrace.client.sending import CommandSender, new_id, now_ms
from headrace.contracts.commands import StartWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.timer_events import TimerStarted
from headrace.runtime.settings import Settings
from tests.chaos.kinds import Kind, kind_of
from tests.support.checkers.workflows import ENDS

# Kafka may be away for a while; a command that is given up would be one whose fate nobody knows.
_SEND_S = 300.0
# Clients send twice what they are not sure of: so many of a hundred.
_TWICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A workflow that was started. `at` is time.monotonic()."""

    kind: Kind
    value: int
    shard: int
    at: float


class Load:
    """Keeps up to `per_shard` workflows open on each shard, and starts at most `rate` a second."""

    def __init__(self, settings: Settings, *, shards: int, per_shard: int, rate: float) -> None:
        self.started: dict[str, Started] = {}
        self.ended: dict[str, float] = {}
        self.running = True
        self._shards = shards
        self._per_shard = per_shard
        self._pause_s = 1 / rate
        self._next_at = time.monotonic()
        self._open = [0] * shards
        self._waiting: list[deque[tuple[str, int]]] = [deque() for _ in range(shards)]
        self._numbers = 0
        self._turn = 0
        self._run = uuid.uuid4().hex[:6]
        self._terminated: set[str] = set()
        self._futures: list[Future[Position]] = []
        self._sender = CommandSender(settings, timeout_s=_SEND_S)
        self._sender.prepare()
        self._sender.publisher.start_polling()

    def pump(self) -> None:
        """Start what may be started now."""
        now = time.monotonic()
        # After a stall it does not catch up: that would be a burst, and no steady load to measure by.
        self._next_at = max(self._next_at, now - 10 * self._pause_s)
        while self.running and self._next_at <= now:
            shard = self._free_shard()
            if shard is None:
                return
            self._start(*self._take(shard), shard)
            self._next_at += self._pause_s

    def see(self, event: Message) -> None:
        """Learn from an event of a journal."""
        workflow_id = getattr(event, "workflow_id", "")
        if workflow_id not in self.started:
            return
        if isinstance(event, ENDS) and workflow_id not in self.ended:
            self.ended[workflow_id] = time.monotonic()
            self._open[self.started[workflow_id].shard] -= 1
        elif isinstance(event, TimerStarted) and self.started[workflow_id].kind.parked:
            self._terminate(workflow_id)

    def open_ids(self) -> list[str]:
        """Return what was started and has not ended."""
        return [one for one in self.started if one not in self.ended]

    def ended_since(self, at: float) -> dict[int, str]:
        """Return, by shard, one workflow that was started after a moment and has ended."""
        found: dict[int, str] = {}
        for workflow_id in reversed(self.ended):
            started = self.started[workflow_id]
            if self.ended[workflow_id] < at or len(found) == self._shards:
                break
            if started.at > at:
                found[started.shard] = workflow_id
        return found

    def refused(self) -> list[str]:
        """Return what became of commands that Kafka did not take; nothing when all were acknowledged."""
        failed = [f.exception(timeout=_SEND_S) for f in self._futures]
        return [str(error) for error in failed if error is not None]

    def close(self) -> None:
        self._sender.publisher.close()

    def _free_shard(self) -> int | None:
        for _ in range(self._shards):
            self._turn = (self._turn + 1) % self._shards
            if self._open[self._turn] < self._per_shard:
                return self._turn
        return None

    def _take(self, shard: int) -> tuple[str, int]:
        """Return an id of that shard, and its number; ids of other shards wait for their turn."""
        while not self._waiting[shard]:
            number = self._numbers
            self._numbers += 1
            workflow_id = f"{kind_of(number).name}-{self._run}-{number}"
            self._waiting[shard_of(workflow_id, self._shards)].append((workflow_id, number))
        return self._waiting[shard].popleft()

    def _start(self, workflow_id: str, number: int, shard: int) -> None:
        kind = kind_of(number)
        self.started[workflow_id] = Started(kind=kind, value=number, shard=shard, at=time.monotonic())
        self._open[shard] += 1
        command = StartWorkflow(
            command_id=new_id(),
            workflow_id=workflow_id,
            issued_at=now_ms(),
            name=kind.name,
            input=b'{"value":%d}' % number,
        )
        for _ in range(2 if number % 100 < _TWICE else 1):
            self._futures.append(self._sender.send(command))

    def _terminate(self, workflow_id: str) -> None:
        if workflow_id not in self._terminated:
            self._terminated.add(workflow_id)
            command = TerminateWorkflow(
                command_id=new_id(), workflow_id=workflow_id, issued_at=now_ms(), reason="parked for long enough"
            )
            self._futures.append(self._sender.send(command))
