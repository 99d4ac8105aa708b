"""One open run of a workflow, as the fold makes it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.references import ParentRef
from headrace.contracts.retry import RetryPolicy
from headrace.engine.kernel.outcomes import Outcome

RUNNING = "RUNNING"
STUCK = "STUCK"

TASK = "task"
TIMER = "timer"
CHILD = "child"

# Phases of an open task step.
LEASE = "lease"
"""It has asked for units of a resource."""
SCHEDULED = "scheduled"
"""Its attempt is with the dispatcher."""
BACKOFF = "backoff"
"""Its last attempt failed; the next one is due at `due_at`."""

CANCEL = -1
"""The step number under which a request to end stands among the delivered outcomes."""
WORKFLOW_TIMER = -1
"""The step number of the timer that ends a workflow that takes too long."""


_FEW = 4
"""Open steps that are looked at one by one after every activation."""


class OpenStep(msgspec.Struct, kw_only=True):
    """A step whose end has not come yet. `kind` is task, timer or child; the rest is for the kinds that use it."""

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
    """When the time for all attempts is over, in ms since the epoch; 0: never."""

    @property
    def waits_for_time(self) -> bool:
        """Tell whether the step goes on by itself, at `due_at`."""
        return self.kind == TIMER or self.phase == BACKOFF


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The end of a step in the order in which the run saw it. `step` is CANCEL for a request to end."""

    step: int
    outcome: Outcome
    at: int


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

    def timers(self) -> Iterator[tuple[int, int]]:
        """Yield (due time in ms since the epoch, step) of each timer that is set; a stuck run's timers wait with it."""
        if self.status == STUCK:
            return
        if self.timeout_ms and self.cancel_reason is None:
            yield self.started_at + self.timeout_ms, WORKFLOW_TIMER
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
        if self.status == STUCK:
            return False
        if step == WORKFLOW_TIMER:
            return self.cancel_reason is None and self.started_at + self.timeout_ms == due_at
        found = self.open.get(step)
        return found is not None and found.waits_for_time and found.due_at == due_at
