"""What a bundle holds in place of tasks and child workflows: names and options, no code."""

from __future__ import annotations

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.engine.dispatch_rules import DispatchRules


class TaskStub(msgspec.Struct, frozen=True, kw_only=True):
    """A task as a workflow refers to it. `units` and `capacity` belong to `resource`; 0 and empty mean none."""

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


class WorkflowStub(msgspec.Struct, frozen=True, kw_only=True):
    """A child workflow as another one refers to it: by name, so it runs in the version that is the latest by then."""

    name: str
