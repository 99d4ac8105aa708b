"""The state of a decision shard: open runs, closed ids, timers, and the rest of decisions that were too large.

Everything in here is changed by `evolve` only, event by event; what can be derived (the timer heap) is kept beside it
for speed.
"""

from __future__ import annotations

from collections import deque

import msgspec

from headrace.contracts.references import ParentRef
from headrace.contracts.retry import RetryPolicy
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.timers import TimerHeap

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


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run that has ended, so that its id is not used twice by mistake.

    `input` is a digest: enough to tell whether a repeated start asks for the same.
    """

    run_id: str
    name: str
    input: bytes
    command_id: str
    attempt: int
    status: str
    ended_at: int


class ShardState(msgspec.Struct, kw_only=True):
    """The fold of one `workflow.journal` partition."""

    shard: int
    runs: dict[str, Run] = {}
    closed: dict[str, Closed] = {}
    previous: dict[tuple[str, str], bytes] = {}
    timers: TimerHeap = msgspec.field(default_factory=TimerHeap)
    pending: deque[str] = msgspec.field(default_factory=deque)

    def run_of(self, workflow_id: str, run_id: str) -> Run | None:
        """Return the open run with exactly this id; nothing late from an old run touches a new one."""
        run = self.runs.get(workflow_id)
        return run if run is not None and run.run_id == run_id else None
