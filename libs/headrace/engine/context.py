"""What the deciders of one shard share: where it stands among its kind, its limits, and its live coroutines."""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.partition import shard_of
from headrace.engine.activations import Activations
from headrace.engine.stuck import StuckWatch


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the engine, in bytes and counts; each is a setting of the decision service."""

    payload_bytes: int = 1_048_576
    decision_bytes: int = 1_048_576
    cause_bytes: int = 8_192
    child_depth: int = 32
    timers_per_tick: int = 256
    held_per_run: int = 10_000
    cleanup_ms: int = 86_400_000
    stuck_check_ms: int = 0
    """0: stuck runs are looked at by hand only."""
    steps_at_once: int = 250_000
    replay_at_once: int = 5_000
    retry_keep_ms: int = 604_800_000
    retry_limit: int = 10_000
    retry_bytes: int = 67_108_864
    loop_steps: int = 200
    search_bytes: int = 16_384
    search_names: int = 64
    live_coroutines: int = 2_000
    live_runs: int = 1_000
    closed_keep_ms: int = 86_400_000
    closed_limit: int = 500_000
    previous_limit: int = 10_000
    previous_bytes: int = 67_108_864
    unread_signals: int = 1_000
    seen_per_run: int = 1_000
    watchers_per_run: int = 1_000
    outcomes_keep_ms: int = 86_400_000
    outcomes_limit: int = 10_000
    outcomes_bytes: int = 33_554_432
    schedules: int = 10_000
    schedule_input_bytes: int = 65_536
    schedule_running: int = 1_000
    schedule_waiting: int = 1_000
    schedule_backfills: int = 10
    schedule_backfill_times: int = 2_000
    schedule_commands: int = 4_096


class Shards(msgspec.Struct, frozen=True, kw_only=True):
    """How many shards of each kind the namespace has, and which decision shard this is."""

    shard: int = 0
    decision: int = 1
    dispatcher: int = 1
    resource: int = 1

    def of_workflow(self, workflow_id: str) -> int:
        """Return the decision shard of a workflow."""
        return shard_of(workflow_id, self.decision)

    def of_queue(self, queue: str) -> int:
        """Return the dispatcher shard of a queue."""
        return shard_of(queue, self.dispatcher)

    def of_resource(self, resource: str) -> int:
        """Return the resource shard of a resource."""
        return shard_of(resource, self.resource)


RefusedKey = tuple[str, str, int]
"""An event that could not be folded: its run, its type, and its step (-1 where it has none)."""


class Room(msgspec.Struct):
    """How many bytes one decision may still take, of `decision_bytes`: an input may go on with many runs."""

    left: int = 0


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Given to every decide function."""

    shards: Shards
    limits: Limits
    activations: Activations
    codec: Codec = msgspec.field(default_factory=Codec)
    room: Room = msgspec.field(default_factory=Room)
    """Made new for every decision; what does not fit any more is left pending."""
    stuck: StuckWatch = msgspec.field(default_factory=StuckWatch)
    """When stuck runs are looked at next."""
    refused: dict[RefusedKey, str] = msgspec.field(default_factory=dict)
    """Events that could not be folded in an earlier reign, and why (`decide/parking.py`)."""

    def has_room(self, size: int) -> bool:
        """Take room for an event; False where it must wait for the next part. A decision takes one event at least."""
        if size > self.room.left < self.limits.decision_bytes:
            return False
        self.room.left -= size
        return True

    def cut(self, text: str) -> str:
        """Return a text cut at the limit for causes, with a mark that says so."""
        data = text.encode("utf-8", "replace")
        limit = self.limits.cause_bytes
        if len(data) <= limit:
            return data.decode("utf-8")
        return data[:limit].decode("utf-8", "ignore") + f" ... [cut: {len(data)} bytes, the limit is {limit}]"
