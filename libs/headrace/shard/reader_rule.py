"""The reader's rule: which records of a journal count. Pure; every service and the writer itself read by it.

Anybody may append to a journal: the owner of the shard, an owner that was paused and woke up late (a zombie), a client
library that sends a record twice. No lock keeps them out. Instead every reader decides by what stands before a record
in the log, and so all readers decide the same:

- An `EpochStarted` opens a new reign: epoch = its own offset, n = 0.
- A record of an older epoch is skipped: it is a zombie's.
- A record of this epoch with n + 1 is accepted.
- Any other n means that the reign has a hole: a record before it was lost. The reign is closed: everything up to the
  next
  `EpochStarted` is skipped, since the writer's later decisions stand on the lost one.

A position is the whole memory of a reader: the offset that it looked at last, the epoch of the reign there, and the
number of the last record that it accepted (`CLOSED` for a reign with a hole).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from headrace.contracts.headers import EPOCH_STARTED

CLOSED: Final = -1


class Position(msgspec.Struct, frozen=True, gc=False):
    """How far a journal has been read: the last offset looked at, the epoch of its reign, the last accepted n.

    `n` is `CLOSED` where no record of that epoch can be accepted any more. Plain topics have epoch and n -1.
    """

    offset: int
    epoch: int = -1
    n: int = CLOSED

    @property
    def next_offset(self) -> int:
        """Return the offset to read next."""
        return self.offset + 1


START: Final = Position(-1)
"""Before the first record of a journal: the next offset is 0 and no reign has begun."""


class Verdict(Enum):
    """What the rule says about a record."""

    ACCEPT = "accept"
    NEW_REIGN = "new reign"
    ZOMBIE = "zombie"
    """The record's epoch is not the one that reigns here."""
    HOLE = "hole"
    """The number is not the next one: the reign is closed from here on."""
    AFTER_HOLE = "after hole"
    ALIEN = "alien"
    """No shard wrote it: it has no position header."""
    SEEN = "seen"
    """The offset is not after the position: it was looked at before."""


def judge(position: Position, offset: int, header: tuple[int, int] | None) -> tuple[Verdict, Position]:
    """Return what a record is to a reader at `position`, and the position after it.

    `header` is (epoch, n) from the record's header (`contracts.headers.journal_position`); None where there is none.
    """
    if offset <= position.offset:
        return Verdict.SEEN, position
    if header is None:
        return Verdict.ALIEN, Position(offset, position.epoch, position.n)
    epoch, n = header
    if epoch == EPOCH_STARTED:
        return Verdict.NEW_REIGN, Position(offset, offset, 0)
    if epoch != position.epoch:
        return Verdict.ZOMBIE, Position(offset, position.epoch, position.n)
    if position.n == CLOSED:
        return Verdict.AFTER_HOLE, Position(offset, epoch, CLOSED)
    if n == position.n + 1:
        return Verdict.ACCEPT, Position(offset, epoch, n)
    return Verdict.HOLE, Position(offset, epoch, CLOSED)
