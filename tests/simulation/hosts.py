"""Processes that host shards: each with a clock of its own, a view of the group that may be old, and an end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from headrace.contracts.codec import Codec
from headrace.shard.errors import ShardDeclined
from headrace.shard.host import ShardHost
from headrace.shard.limits import Limits
from headrace.shard.memory_group import MemoryGroup, MemoryMembership
from headrace.shard.ports import PositionLost
from headrace.shard.roles import ShardRole
from tests.simulation.broker import ProcessLog, SimLog
from tests.simulation.clocks import ProcessClock

CODEC = Codec()


class LateMembership:
    """A member's view of the group that stands still while `late`: a rebalance it has not heard of yet."""

    def __init__(self, membership: MemoryMembership) -> None:
        self.late = False
        self._real = membership

    def poll(self) -> None:
        """Learn what the group has decided, unless late."""
        if not self.late:
            self._real.poll()

    def shards(self) -> frozenset[int]:
        """Return the shards that this member believes to have."""
        return self._real.shards()

    def joined(self) -> bool:
        """Tell whether the group has answered."""
        return True

    def confirm(self, shard: int) -> bool | None:
        """Ask the group."""
        return self._real.confirm(shard)

    def close(self) -> None:
        """Leave the group."""
        self._real.close()


class HostProcess:
    """One process of decision, dispatcher or resources."""

    def __init__(
        self,
        name: str,
        role: ShardRole,
        log: SimLog,
        group: MemoryGroup,
        clock: ProcessClock,
        *,
        limits: Limits,
        random: Random,
        code_version: int = 0,
    ) -> None:
        self.name = name
        self.role = role
        self.code_version = code_version
        self.clock = clock
        self.log = ProcessLog(log)
        self.paused = False
        self.membership = LateMembership(group.join(name))
        self.host = self._made(limits, random)

    def _made(self, limits: Limits, random: Random) -> ShardHost:
        log: Any = self.log
        return ShardHost(
            self.role, log, self.membership, self.clock, codec=CODEC, limits=limits, random=random, process=self.name
        )

    def step(self, ended: Callable[[HostProcess, Exception], None]) -> bool:
        """Go round once; an exception ends the process."""
        if self.paused:
            return False
        try:
            return self.host.step()
        except (ShardDeclined, PositionLost, SystemExit) as error:
            ended(self, error if isinstance(error, Exception) else RuntimeError("exit"))
            return True

    def ready(self) -> bool:
        """Tell whether it has its part of the shards and has caught up."""
        return not self.paused and not self.membership.late and self.host.ready()
