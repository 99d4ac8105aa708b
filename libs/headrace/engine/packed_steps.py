"""An open step as bytes: part of a packed run (`headrace.engine.packing`)."""

from __future__ import annotations

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.engine.run import OpenStep


class PackedRetry(msgspec.Struct, array_like=True):
    """`RetryPolicy`."""

    max_attempts: int
    interval_ms: int
    backoff: float
    max_interval_ms: int
    jitter: float
    schedule: list[int]
    on: list[str]
    off: list[str]


class PackedStep(msgspec.Struct, array_like=True):
    """`OpenStep`."""

    kind: str
    node: str
    index: int
    phase: str
    attempt: int
    task: str
    queue: str
    resource: str
    fencing_token: int
    losses: int
    revoked: int
    retry: PackedRetry | None
    due_at: int
    child_id: str
    to_shard: int
    close_by: int = 0
    heartbeat_ms: int = 0
    parent_close: str = "cancel"
    digest: bytes = b""


def pack_step(step: OpenStep) -> PackedStep:
    """Return a step as it is packed."""
    retry = None
    if step.retry is not None:
        retry = PackedRetry(*msgspec.structs.astuple(step.retry))
    return PackedStep(
        step.kind,
        step.node,
        step.index,
        step.phase,
        step.attempt,
        step.task,
        step.queue,
        step.resource,
        step.fencing_token,
        step.losses,
        step.revoked,
        retry,
        step.due_at,
        step.child_id,
        step.to_shard,
        step.close_by,
        step.heartbeat_ms,
        step.parent_close,
        step.digest,
    )


def unpack_step(packed: PackedStep) -> OpenStep:
    """Return the step that was packed."""
    fields = msgspec.structs.asdict(packed)
    if packed.retry is not None:
        fields["retry"] = RetryPolicy(**msgspec.structs.asdict(packed.retry))
    return OpenStep(**fields)
