"""What a program can ask of the kernel. Each request takes the next step number; the record of a run is the list of
their fingerprints, and a replay that asks for something else is found at the first step where it parts.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_rules import TaskRules


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all requests. `node` names the place in the program; `index` the item under foreach or map, else -1."""

    node: str
    index: int = -1

    def fingerprint(self) -> str:
        """Return the short text by which a replay is compared with the record."""
        raise NotImplementedError


class RunTask(Request, frozen=True, kw_only=True):
    """Run a task on a worker. The step ends with the task's last attempt."""

    task: str
    queue: str = "default"
    priority: int = 5
    input: bytes = b"null"
    content_type: str = "application/json"
    timeout_ms: int = 0
    heartbeat_ms: int = 0
    retry: RetryPolicy | None = None
    resource: str = ""
    units: int = 0
    capacity: int = 0
    rules: TaskRules | None = None

    def fingerprint(self) -> str:
        return task_fingerprint(self.node, self.index, self.task)


class Sleep(Request, frozen=True, kw_only=True):
    """Wait for a time. The step ends when the timer fires."""

    duration_ms: int

    def fingerprint(self) -> str:
        return f"timer {self.node} {self.index}"


class StartChild(Request, frozen=True, kw_only=True):
    """Run a child workflow. The step ends when the child does. An empty `child_id` lets the kernel name it."""

    name: str
    version: str = ""
    child_id: str = ""
    input: bytes = b"null"
    content_type: str = "application/json"

    def fingerprint(self) -> str:
        return child_fingerprint(self.node, self.index, self.name)


class Skip(Request, frozen=True, kw_only=True):
    """Note that a node does not run: SKIPPED or UPSTREAM_FAILED. Ends at once."""

    status: str
    reason: str = ""

    def fingerprint(self) -> str:
        return f"skip {self.node} {self.index}"


class Refuse(Request, frozen=True, kw_only=True):
    """Note that a node failed before any attempt: an expression or its input. Ends at once."""

    error: str
    cause: str = ""

    def fingerprint(self) -> str:
        return f"refuse {self.node} {self.index}"


class EndNode(Request, frozen=True, kw_only=True):
    """Note the end of a node that stands for several steps, or for none. Ends at once."""

    status: str
    error: str = ""
    cause: str = ""

    def fingerprint(self) -> str:
        return f"end {self.node} {self.index}"


class CancelStep(Request, frozen=True, kw_only=True):
    """Give up an open step. Ends at once, and so does the step."""

    step: int
    reason: str = ""

    def fingerprint(self) -> str:
        return f"cancel {self.step}"


def task_fingerprint(node: str, index: int, task: str) -> str:
    """Return the fingerprint of a task step."""
    return f"task {node} {index} {task}"


def child_fingerprint(node: str, index: int, name: str) -> str:
    """Return the fingerprint of a child step."""
    return f"child {node} {index} {name}"
