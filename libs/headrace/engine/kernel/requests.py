"""What a program can ask of the kernel. Each request takes the next step number; the record of a run is the list of
their fingerprints, and a replay that asks for something else is found at the first step where it parts.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_rules import TaskRules
from headrace.engine.kernel.outcomes import Outcome

MEMO = "memo"
VERSION = "version"
LOOP = "loop"
SEARCH = "search"
LOOP_NODE = "loop"
ABANDON = "abandon"
TERMINATE = "terminate"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all requests. `node` names the place in the program; `index` the item under foreach or map, else -1."""

    node: str
    index: int = -1

    def fingerprint(self) -> str:
        """Return the short text by which a replay is compared with the record."""
        raise NotImplementedError


class RunTask(Request, frozen=True, kw_only=True):
    """Run a task on a worker. The step ends with the task's last attempt.

    `on_retry` says what a retry of the workflow does with its result: `redo` never takes it over, `keep` whatever the
    input; empty: where the input is the same.
    """

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
    on_retry: str = ""

    def fingerprint(self) -> str:
        return task_fingerprint(self.node, self.index, self.task)


class Sleep(Request, frozen=True, kw_only=True):
    """Wait for a time. The step ends when the timer fires. With `limit`, it bounds another wait, and a retry of the
    workflow waits anew.
    """

    duration_ms: int
    limit: bool = False

    def fingerprint(self) -> str:
        return timer_fingerprint(self.node, self.index)


class StartChild(Request, frozen=True, kw_only=True):
    """Run a child workflow. The step ends when the child does. An empty `child_id` lets the kernel name it."""

    name: str
    version: str = ""
    child_id: str = ""
    input: bytes = b"null"
    content_type: str = "application/json"
    parent_close: str = "cancel"
    on_retry: str = ""

    def fingerprint(self) -> str:
        return child_fingerprint(self.node, self.index, self.name)


class Attach(Request, frozen=True, kw_only=True):
    """Wait for the end of a workflow that somebody else has started. The step ends with its outcome."""

    target: str

    def fingerprint(self) -> str:
        return attach_fingerprint(self.node, self.index, self.target)


class SendSignal(Request, frozen=True, kw_only=True):
    """Send a signal to another workflow. The step ends when that has taken it in, or refused it."""

    target: str
    name: str
    data: bytes = b"null"
    content_type: str = "application/json"

    def fingerprint(self) -> str:
        return signal_fingerprint(self.node, self.index, self.target)


class OpenCallback(Request, frozen=True, kw_only=True):
    """Wait for somebody outside who has the step's token. Times are in ms; 0 means no limit."""

    timeout_ms: int = 0
    heartbeat_ms: int = 0

    def fingerprint(self) -> str:
        return callback_fingerprint(self.node, self.index)


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


class RecordValue(Request, frozen=True, kw_only=True):
    """Note what a function gave, or how it failed. Ends at once; a replay takes the value from the record."""

    outcome: Outcome

    def fingerprint(self) -> str:
        return value_fingerprint(MEMO, self.node)


class ChooseVersion(Request, frozen=True, kw_only=True):
    """Note which way of the code this run goes. Ends at once."""

    version: int

    def fingerprint(self) -> str:
        return version_fingerprint(self.node, str(self.version))


class SetSearchAttributes(Request, frozen=True, kw_only=True):
    """Set attributes for lists of workflows; `attributes` is a JSON object. Ends at once."""

    attributes: bytes

    def fingerprint(self) -> str:
        return SEARCH


class Publish(Request, frozen=True, kw_only=True):
    """Show a value under the name `node`. Ends at once."""

    data: bytes
    content_type: str = "application/json"

    def fingerprint(self) -> str:
        return publish_fingerprint(self.node)


class BeginLoop(Request, frozen=True, kw_only=True):
    """Begin a loop that may be gone on with from here, with this state. Ends at once."""

    state: bytes = b"null"

    def fingerprint(self) -> str:
        return value_fingerprint(LOOP, self.node)


class ResumeLoop(Request, frozen=True, kw_only=True):
    """Go on with a loop whose former iterations are no longer in the record. Its end brings the state; it is never
    fresh: the record is made to hold it when a run is continued.
    """

    def fingerprint(self) -> str:
        return resumed_fingerprint(self.node)


class Continue(Request, frozen=True, kw_only=True):
    """Go on with a smaller record: `kept_steps` of it with a loop's state, or none with a new input. It never ends: the
    coroutine that asks for it is dropped. `heard_before` and `unread_before` say how many ends the kept steps had seen,
    and which signals among them nobody had taken.
    """

    input: bytes = b""
    content_type: str = "application/json"
    kept_steps: int = 0
    state: bytes = b""
    heard_before: int = 0
    unread_before: tuple[int, ...] = ()

    def fingerprint(self) -> str:
        return "continue"


class CancelStep(Request, frozen=True, kw_only=True):
    """Give up an open step. Ends at once, and so does the step."""

    step: int
    reason: str = ""

    def fingerprint(self) -> str:
        return f"cancel {self.step}"


def value_fingerprint(kind: str, node: str) -> str:
    """Return the fingerprint of a memo or of a loop's beginning."""
    return f"{kind} {node}"


def version_fingerprint(name: str, version: str) -> str:
    """Return the fingerprint of a choice of a version; it holds the choice."""
    return f"{VERSION} {name} {version}"


def resumed_fingerprint(name: str) -> str:
    """Return the fingerprint of a loop whose former iterations are no longer in the record."""
    return f"{LOOP} {name} resumed"


def publish_fingerprint(name: str) -> str:
    """Return the fingerprint of a value that is shown."""
    return f"publish {name}"


def task_fingerprint(node: str, index: int, task: str) -> str:
    """Return the fingerprint of a task step."""
    return f"task {node} {index} {task}"


def timer_fingerprint(node: str, index: int) -> str:
    """Return the fingerprint of a sleep."""
    return f"timer {node} {index}"


def child_fingerprint(node: str, index: int, name: str) -> str:
    """Return the fingerprint of a child step."""
    return f"child {node} {index} {name}"


def attach_fingerprint(node: str, index: int, target: str) -> str:
    """Return the fingerprint of a step that waits for another workflow."""
    return f"attach {node} {index} {target}"


def signal_fingerprint(node: str, index: int, target: str) -> str:
    """Return the fingerprint of a step that sends a signal."""
    return f"signal {node} {index} {target}"


def callback_fingerprint(node: str, index: int) -> str:
    """Return the fingerprint of a callback's step."""
    return f"callback {node} {index}"
