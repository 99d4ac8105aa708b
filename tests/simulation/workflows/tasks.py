"""Tasks as pure functions of their name, their input and the number of the attempt."""

from __future__ import annotations

import zlib

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.dispatch_rules import DispatchRules

TASKS = ("echo", "bad", "fatal", "flaky", "slow", "silent", "heavy", "outside", "deadly")
"""echo succeeds, bad fails, fatal fails for good at once, flaky fails once, slow is too slow once, silent sends no
heartbeat once, heavy returns much, outside is done elsewhere under a handle, deadly ends its worker."""
PAD_BYTES = 700


class Verdict(msgspec.Struct, frozen=True):
    """What an attempt comes to; an empty `error` is success."""

    output: bytes = b""
    error: str = ""
    retryable: bool = True


def verdict(task: str, attempt: int, data: bytes) -> Verdict:
    """Return what an attempt of a task comes to, wherever and however often it runs."""
    if task == "bad" or (task == "flaky" and attempt == 1):
        return Verdict(error="ValueError")
    if task == "fatal":
        return Verdict(error="Fatal", retryable=False)
    output: dict[str, object] = {"task": task, "of": zlib.crc32(data)}
    if task == "heavy":
        output["pad"] = "x" * PAD_BYTES
    return Verdict(output=msgspec.json.encode(output))


def verdict_of(task: TaskScheduled) -> Verdict:
    """Return what a scheduled attempt comes to."""
    return verdict(task.task, task.attempt, task.input)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A task as a Python workflow asks for it."""

    name: str
    queue: str = "default"
    priority: int = 5
    retry: RetryPolicy | None = None
    timeout_ms: int = 0
    heartbeat_ms: int = 0
    resource: str = ""
    units: int = 0
    capacity: int = 0
    rules: DispatchRules | None = None
    on_retry: str = ""


RETRY = RetryPolicy(max_attempts=2, interval_ms=300)
TARGETS = {
    "echo": Target(name="echo", resource="press", units=1, capacity=1),
    "bad": Target(name="bad", retry=RETRY),
    "fatal": Target(name="fatal", retry=RETRY),
    "flaky": Target(name="flaky", retry=RETRY, queue="night"),
    "slow": Target(name="slow", retry=RETRY, timeout_ms=1_500),
    "silent": Target(name="silent", retry=RETRY, heartbeat_ms=1_500),
    "heavy": Target(name="heavy", queue="night"),
    "outside": Target(name="outside", retry=RETRY),
    "deadly": Target(name="deadly"),
}
