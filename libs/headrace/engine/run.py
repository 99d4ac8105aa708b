"""One open run of a workflow, as the fold makes it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.references import ParentRef
from headrace.contracts.retry import RetryPolicy
from headrace.engine.carried import Carried
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import MEMO

RUNNING = "RUNNING"
STUCK = "STUCK"
PAUSED = "PAUSED"

TASK = "task"
TIMER = "timer"
CHILD = "child"
ATTACH = "attach"
SENDING = "signal"
CALLBACK = "callback"
ANSWERED = (ATTACH, SENDING)
"""The kinds of steps that another shard answers."""

# Phases of an open task step.
LEASE = "lease"
"""It has asked for units of a resource."""
SCHEDULED = "scheduled"
"""Its attempt is with the dispatcher."""
BACKOFF = "backoff"
"""Its last attempt failed; the next one is due at `due_at`."""
HELD = "held"
"""Its queue is full: the attempt waits until there is room, or until `due_at`."""

CANCEL = -1
"""The step number under which a request to end stands among the delivered outcomes."""
SIGNAL = -2
"""The step number under which signals stand there."""
WORKFLOW_TIMER = -1
"""The step number of the timer that ends a workflow that takes too long, or that cleans up for too long."""
STUCK_SINCE = -9
"""Stands for a step among the timers of a stuck run, so that a snapshot shows which runs are stuck. It never fires."""


_MEMO = f"{MEMO} "
_FEW = 4
"""Open steps that are looked at one by one after every activation."""


class OpenStep(msgspec.Struct, kw_only=True):
    """A step whose end has not come yet. `kind` says what it waits for; the rest is for the kinds that use it.

    `child_id` is that of a child, or of another workflow that the step is about.
    """

    kind: str
    node: str
    index: int = -1
    phase: str = ""
    attempt: int = 0
    task: str = ""
    queue: str = ""
    resource: str = ""
    fencing_token: int = 0
    losses: int = 0
    revoked: int = 0
    retry: RetryPolicy | None = None
    due_at: int = 0
    child_id: str = ""
    to_shard: int = 0
    close_by: int = 0
    """When the time for all attempts, or for a callback, is over, in ms since the epoch; 0: never."""
    heartbeat_ms: int = 0
    """A callback is given up after so many ms without a sign of life; 0: never."""
    parent_close: str = "cancel"
    """What becomes of a child that is given up, or whose parent ends: cancel, terminate or abandon."""
    digest: bytes = b""
    """8 bytes that stand for the step's input."""

    @property
    def interrupted(self) -> bool:
        """Tell whether its attempt has its lease, or has given one back, and nothing has followed from that yet."""
        if self.phase == LEASE:
            return self.fencing_token > 0
        return self.phase == SCHEDULED and bool(self.resource) and not self.fencing_token

    @property
    def waits_for_time(self) -> bool:
        """Tell whether the step goes on by itself, at `due_at`."""
        if self.kind == TIMER or self.phase == BACKOFF:
            return True
        return self.due_at > 0 and (self.kind == CALLBACK or self.phase == HELD)


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The end of a step in the order in which the run saw it. `step` is CANCEL for a request to end, SIGNAL for a
    signal, of which `name` is the name; of a child it is the id.
    """

    step: int
    outcome: Outcome
    at: int
    name: str = ""
    digest: bytes = b""
    """8 bytes that stand for the step's input: of a child, and of what else succeeded and has one."""


class Run(msgspec.Struct, kw_only=True):
    """One open run of a workflow. `steps` are the fingerprints of its requests, `log` the ends that it has seen."""

    workflow_id: str
    run_id: str
    name: str
    version: str
    program: str
    interpreter: int
    input: bytes
    content_type: str
    command_id: str
    key: str
    attempt: int
    parent: ParentRef | None
    timeout_ms: int
    started_at: int
    previous: bytes
    trace: str
    status: str = RUNNING
    steps: list[str] = []
    open: dict[int, OpenStep] = {}
    log: list[Delivered] = []
    cancel_reason: str | None = None
    held: list[bytes] = []
    watchers: list[ParentRef] = []
    """Steps of other workflows that wait for the end of this run."""
    seen: dict[bytes, None] = {}
    """Digests of the commands that it has accepted: signals, and what came for its callbacks. The oldest first."""
    unread: int = 0
    """Signals that it had not asked for when the last one came, with that one."""
    seeds: list[tuple[int, str]] = []
    """What randomness derives from, by the step that it begins at; empty: the run id, from the first step on."""
    first_start: bytes = b""
    """What the workflow was started with, as a digest, once it has gone on with another input."""
    stuck: str = ""
    """Why the run is STUCK, by the name of the error."""
    stuck_tried: str = ""
    """The last other version that it was tried with, in vain."""
    halted_at: int = 0
    """Since when it stands still, in ms since the epoch; 0: it does not."""
    halted_ms: int = 0
    """How long it has stood still: its time limit does not count that."""
    terminate_at: int = 0
    """When it is terminated if it still cleans up, in ms since the epoch; 0: never."""
    given_up: dict[int, tuple[str, bytes]] = {}
    """Children that it has given up: their ids, and the digests of their inputs, by step."""
    carried: Carried | None = None
    """What is left of the run that it was retried from; None where there was none."""

    @property
    def halted(self) -> bool:
        """Tell whether the run stands still: what comes for it is recorded, and nothing of it runs."""
        return self.status != RUNNING

    @property
    def ends_at(self) -> int:
        """Return when the run is asked to end, or terminated after that, in ms since the epoch; 0: never."""
        if self.cancel_reason is not None:
            return self.terminate_at
        return self.started_at + self.timeout_ms + self.halted_ms if self.timeout_ms else 0

    def values(self) -> dict[int, Outcome]:
        """Return what was noted without being waited for, by step."""
        steps = self.steps
        return {end.step: end.outcome for end in self.log if end.step >= 0 and steps[end.step].startswith(_MEMO)}

    def timers(self) -> Iterator[tuple[int, int]]:
        """Yield (due time in ms since the epoch, step) of each timer that is set; those of a run that stands still wait
        with it.
        """
        if self.status == STUCK:
            yield self.halted_at, STUCK_SINCE
        if self.halted:
            return
        if self.ends_at:
            yield self.ends_at, WORKFLOW_TIMER
        for number, step in self.open.items():
            if step.waits_for_time:
                yield step.due_at, number

    def sleeps_until(self, time_ms: int) -> bool:
        """Tell whether only timers are waited for, and none before a time. False for a run that waits for much."""
        return 0 < len(self.open) <= _FEW and all(
            step.waits_for_time and step.due_at >= time_ms for step in self.open.values()
        )

    def has_timer(self, step: int, due_at: int) -> bool:
        """Tell whether a timer is still set."""
        if self.halted:
            return False
        if step == WORKFLOW_TIMER:
            return self.ends_at == due_at
        found = self.open.get(step)
        return found is not None and found.waits_for_time and found.due_at == due_at
