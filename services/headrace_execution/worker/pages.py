"""A worker as its dispatcher shards see it: one page each. See `headrace_execution.worker.book` for the whole."""

from __future__ import annotations

import msgspec

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.reports import FinishedAssignment, QueueOffer

ENDED = "ended"
"""Nobody wants the result any more."""
LOST = "lost"
"""The worker was believed lost: another one runs it, but a success still counts."""

DETAILS, HANDLE = "details", "handle"
"""Kinds of what an attempt wants kept for its next run."""


class JobId(msgspec.Struct, frozen=True):
    """An assignment as a worker names it: the dispatcher shard and the number there."""

    shard: int
    number: int


class Start(msgspec.Struct, frozen=True):
    """Run this."""

    job: JobId
    assigned: TaskAssigned


class Stop(msgspec.Struct, frozen=True):
    """End this, as far as it lets itself be ended. `elsewhere`: another worker goes on with the attempt."""

    job: JobId
    elsewhere: bool = False


class Kept(msgspec.Struct, frozen=True):
    """The log holds the handle that this has submitted: it may be polled."""

    job: JobId


class Quit(msgspec.Struct, frozen=True):
    """End the worker: `reason` says why."""

    reason: str


Action = Start | Stop | Kept | Quit


class Held(msgspec.Struct, kw_only=True):
    """An assignment in the worker's hands. `stopped` says why nobody waits for it; empty while somebody does."""

    assigned: TaskAssigned
    stopped: str = ""
    sent: bool = False
    has_handle: bool = False
    """Whether the log holds the handle of what it has submitted outside."""


class Page(msgspec.Struct, kw_only=True):
    """The worker as one dispatcher shard sees it."""

    shard: int
    offers: list[QueueOffer]
    session: str
    lives: int = 1
    joined: bool = False
    read_offset: int = -1
    read_assignment: int = 0
    held: dict[int, Held] = {}
    finished: dict[int, FinishedAssignment] = {}
    handed_back: dict[int, None] = {}
    beats: dict[int, None] = {}
    notes: dict[tuple[int, str], bytes] = {}
    """What assignments want kept, by number and kind, until it is reported."""
    urgent: bool = False
    """Whether there is something to report that somebody waits for."""


def stop(page: Page, number: int, why: str) -> list[Action]:
    """Stop what is held under a number; nobody waits for it, or nobody but for a success."""
    held = page.held.get(number)
    if held is None:
        return []
    before, held.stopped = held.stopped, why if held.stopped != ENDED else ENDED
    return [] if before else [Stop(JobId(page.shard, number), elsewhere=why == LOST)]
