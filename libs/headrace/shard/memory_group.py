"""The group in memory: hands out shards as it is told, and knows which members it still has."""

from __future__ import annotations


class MemoryGroup:
    """Which member has which shard. A member sees a change only when it polls, as with a real group."""

    def __init__(self, shards: int) -> None:
        self._owners: dict[int, str] = dict.fromkeys(range(shards), "")

    def join(self, member: str) -> MemoryMembership:
        """Return a member's view; it gets every shard that nobody has."""
        membership = MemoryMembership(self, member)
        for shard, owner in self._owners.items():
            if not owner:
                self._owners[shard] = member
        membership.poll()
        return membership

    def give(self, shard: int, member: str) -> None:
        """Give a shard to a member; empty for nobody."""
        self._owners[shard] = member

    def expel(self, member: str) -> None:
        """Take everything from a member, as when its session ends."""
        for shard, owner in self._owners.items():
            if owner == member:
                self._owners[shard] = ""

    def shards_of(self, member: str) -> frozenset[int]:
        """Return what a member has."""
        return frozenset(shard for shard, owner in self._owners.items() if owner == member)


class MemoryMembership:
    """A member's view of the group: true at its last poll."""

    def __init__(self, group: MemoryGroup, member: str) -> None:
        self.member = member
        self._group = group
        self._shards: frozenset[int] = frozenset()

    def poll(self) -> None:
        """Learn what the group has decided."""
        self._shards = self._group.shards_of(self.member)

    def shards(self) -> frozenset[int]:
        """Return the shards that this member has, as far as it knows."""
        return self._shards

    def joined(self) -> bool:
        """Tell whether the group has answered."""
        return True

    def confirm(self, shard: int) -> bool | None:
        """Tell whether the group agrees that the shard is ours."""
        return shard in self._group.shards_of(self.member)

    def close(self) -> None:
        """Leave the group."""
        self._group.expel(self.member)
