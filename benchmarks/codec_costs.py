"""`python -m benchmarks.codec_costs`: microseconds of CPU per message, compiled functions beside fastavro.

The messages are those of a three-step workflow, as large as in the other workloads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from time import process_time
from typing import Any

import fastavro

from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned
from headrace.contracts.message import Message
from headrace.contracts.reading import reader_of
from headrace.contracts.schemas import parsed_schema
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.wire import from_wire, to_wire
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded
from headrace.contracts.writing import writer_of

_AT = 1_790_000_000_123
_ROUNDS, _CALLS = 5, 5_000
_RUN: dict[str, Any] = {"workflow_id": "bench-01123456789abcdef", "run_id": "3f9a0c1d2e4b5a69"}
_STEP: dict[str, Any] = {**_RUN, "step": 1, "attempt": 1}
_TASK: dict[str, Any] = {**_STEP, "node": "second", "task": "noop", "queue": "default"}
_WORK: dict[str, Any] = {"assignment": 112_345, "worker": "host-112345"}
_TIMES: dict[str, Any] = {"started_at": _AT, "ended_at": _AT + 1}
_SCHEDULED = TaskScheduled(**_TASK, input=b'{"ok": true}', at=_AT)
MESSAGES: list[Message] = [
    StartWorkflow(
        command_id="01123456789abcdef01123456789abcdef",
        workflow_id=_RUN["workflow_id"],
        name="steps",
        issued_at=_AT,
        input=b"{}",
    ),
    WorkflowStarted(
        **_RUN, name="steps", version="9f3c2b1a", program="graph", input=b"{}", command_id="01123456789abcdef", at=_AT
    ),
    _SCHEDULED,
    TaskAssigned(**_WORK, session="01123456789ab-1", task=_SCHEDULED, shard=1, at=_AT),
    CompleteTask(
        **_STEP, **_WORK, **_TIMES, command_id="3f9a0c1d2e4b5a69/1/1/112345", issued_at=_AT, output=b'{"a":1}'
    ),
    TaskSucceeded(**_TASK, **_WORK, **_TIMES, output=b'{"a":1}', at=_AT),
    AssignmentsEnded(assignments=list(range(112_000, 112_030)), workers=["host-112345"], at=_AT),
    WorkflowSucceeded(**_RUN, name="steps", started_at=_AT, output=b'{"a":1}', at=_AT),
]


def cpu_us(call: Callable[[], object]) -> float:
    """Return the CPU time of a call in microseconds: of several rounds the best, since others use the machine."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = process_time()
        for _ in range(_CALLS):
            call()
        best = min(best, process_time() - began)
    return best / _CALLS * 1e6


def main() -> None:
    """Print the table."""
    sys.stdout.write("| message | bytes | written | by fastavro | read | by fastavro |\n|---|---|---|---|---|---|\n")
    for message in MESSAGES:
        name = message.type_name()
        schema, write, read = parsed_schema(name), writer_of(name), reader_of(name)
        body = write(b"", message)

        def by_fastavro(message: Message = message, schema: Any = schema) -> None:
            fastavro.schemaless_writer(BytesIO(), schema, to_wire(message))

        def from_fastavro(message: Message = message, schema: Any = schema, body: bytes = body) -> None:
            from_wire(type(message), fastavro.schemaless_reader(BytesIO(body), schema, None))  # type: ignore[arg-type]

        figures = [
            cpu_us(lambda write=write, message=message: write(b"", message)),  # type: ignore[misc]
            cpu_us(by_fastavro),
            cpu_us(lambda read=read, body=body: read(body, 0)),  # type: ignore[misc]
            cpu_us(from_fastavro),
        ]
        sys.stdout.write(f"| `{name}` | {len(body)} | {' | '.join(f'{figure:.2f}' for figure in figures)} |\n")


if __name__ == "__main__":
    main()
