"""What a program is: a way to write workflows, as a coroutine over the kernel."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from headrace.contracts.definitions import Definition
from headrace.engine.kernel.kernel import Kernel


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a program may know of its run. Times are in ms since the epoch; `previous` is empty where there is none."""

    workflow_id: str
    run_id: str
    name: str
    version: str
    attempt: int
    input: bytes
    content_type: str
    started_at: int
    key: str = ""
    previous: bytes = b""
    depth: int = 0


class Result(msgspec.Struct, frozen=True):
    """The payload that a workflow ends with."""

    data: bytes = b"null"
    content_type: str = "application/json"


class Program(Protocol):
    """One language for workflows.

    A program runs definitions of every version of its interpreter that was ever released, up to `interpreter`: a run
    goes on as it began. `prepare` sees in the definition which one that is.
    """

    interpreter: int
    """The newest version that this release knows. Definitions for a newer one are refused."""

    def prepare(self, definition: Definition) -> Any:
        """Return the definition ready to run; called once per version, and cached."""

    def timeout_ms(self, prepared: Any, run: RunInfo) -> int:
        """Return how long a run may take, in ms; 0 means no limit."""

    def key(self, prepared: Any, run: RunInfo) -> str:
        """Return the key that the definition gives a run, for `previous`; empty where it gives none."""

    async def main(self, prepared: Any, run: RunInfo, kernel: Kernel) -> Result:
        """Run a workflow: return its result, raise `WorkflowFailure`, or let `Cancelled` out."""


class Definitions(Protocol):
    """Where the engine finds definitions. A version never changes."""

    def get(self, name: str, version: str) -> Definition | None:
        """Return one version, or None when it is not known."""

    def latest(self, name: str) -> Definition | None:
        """Return the version that a start without a version gets, or None."""
