"""What a bundle holds in place of tasks and child workflows: names and options, no code.

`returns` is the annotation of the result, where its types travel too, and `returns_in` the module of the bundle that
its names are of; empty where it needs none.
"""

from __future__ import annotations

from typing import Any

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
    on_retry: str = ""
    returns: str = ""
    returns_in: str = ""


class WorkflowStub(msgspec.Struct, frozen=True, kw_only=True):
    """A child workflow as another one refers to it: by name, so it runs in the version that is the latest by then."""

    name: str
    returns: str = ""
    returns_in: str = ""


class LoadedTask(TaskStub, frozen=True, kw_only=True):
    """A task in a bundle that was loaded. `result_type` is what its results are converted to."""

    result_type: Any = Any


class LoadedWorkflow(WorkflowStub, frozen=True, kw_only=True):
    """A child workflow in a bundle that was loaded. `result_type` is what its results are converted to."""

    result_type: Any = Any
