"""Small histories for tests of the checkers: what a healthy run leaves behind, to be spoilt."""

from __future__ import annotations

from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded
from headrace.shard.ports import Record

CODEC = Codec()
RUN = "run-1"
STARTED = WorkflowStarted(
    workflow_id="w", run_id=RUN, name="one", version="1", program="graph", input=b"{}", command_id="c1", at=1
)
SCHEDULED = TaskScheduled(
    workflow_id="w", run_id=RUN, step=0, attempt=1, node="a", task="add", queue="q", input=b"{}", at=1
)
SUCCEEDED = TaskSucceeded(
    workflow_id="w",
    run_id=RUN,
    step=0,
    attempt=1,
    node="a",
    task="add",
    queue="q",
    output=b"1",
    assignment=1,
    worker="k",
    started_at=1,
    ended_at=2,
    at=2,
)
ENDED = WorkflowSucceeded(workflow_id="w", run_id=RUN, output=b"1", at=3)
START = StartWorkflow(command_id="c1", workflow_id="w", issued_at=1, name="one", input=b"{}")
COMPLETE = CompleteTask(
    command_id="c2",
    workflow_id="w",
    issued_at=2,
    run_id=RUN,
    step=0,
    attempt=1,
    assignment=1,
    worker="k",
    output=b"1",
    started_at=1,
    ended_at=2,
)


def epoch(offset: int, *, process: str = "p", version: int = 1, topic: str = "workflow.journal") -> Record:
    started = EpochStarted(code_version=version, process=process, at=offset)
    headers = journal_headers(EPOCH_STARTED, 0)
    return Record(topic=topic, partition=0, offset=offset, at=offset, value=CODEC.encode(started), headers=headers)


def decision(
    offset: int, epoch: int, n: int, *events: Message, command: int = -1, topic: str = "workflow.journal"
) -> Record:
    """A journal record; `command` is the offset of the command that it takes in."""
    positions = [InputPosition(topic="workflow.commands", partition=0, offset=command)] if command >= 0 else []
    record = JournalRecord(epoch=epoch, n=n, at=offset, positions=positions, events=list(events))
    headers = journal_headers(epoch, n)
    return Record(topic=topic, partition=0, offset=offset, at=offset, value=CODEC.encode(record), headers=headers)


def healthy() -> list[Record]:
    """One workflow of one task, in one reign."""
    return [
        epoch(0),
        decision(1, 0, 1, STARTED, SCHEDULED, command=0),
        decision(2, 0, 2, SUCCEEDED, ENDED, command=1),
    ]
