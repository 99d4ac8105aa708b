"""From what a program notes, and does not wait for, to the event that records it."""

from __future__ import annotations

from typing import assert_never

from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, SearchAttributesSet, ValueRecorded
from headrace.engine.context import Context
from headrace.engine.kernel.requests import (
    LOOP,
    MEMO,
    VERSION,
    BeginLoop,
    ChooseVersion,
    Publish,
    RecordValue,
    SetSearchAttributes,
)
from headrace.engine.run import Run

Note = RecordValue | ChooseVersion | SetSearchAttributes | Publish | BeginLoop


def note_event(context: Context, run: Run, step: int, note: Note, now_ms: int) -> Message:
    """Return the event that records a note."""
    workflow_id, run_id = run.workflow_id, run.run_id
    match note:
        case SetSearchAttributes():
            return SearchAttributesSet(
                workflow_id=workflow_id, run_id=run_id, step=step, attributes=note.attributes, at=now_ms
            )
        case Publish():
            return Published(
                workflow_id=workflow_id,
                run_id=run_id,
                step=step,
                name=note.node,
                data=note.data,
                content_type=note.content_type,
                at=now_ms,
            )
        case RecordValue():
            outcome = note.outcome
            return ValueRecorded(
                workflow_id=workflow_id,
                run_id=run_id,
                step=step,
                node=note.node,
                kind=MEMO,
                value=outcome.data,
                content_type=outcome.content_type,
                error=outcome.error,
                cause=context.cut(outcome.cause),
                at=now_ms,
            )
        case ChooseVersion():
            kind, value = VERSION, str(note.version).encode()
        case BeginLoop():
            kind, value = LOOP, note.state
        case _:
            assert_never(note)
    return ValueRecorded(
        workflow_id=workflow_id, run_id=run_id, step=step, node=note.node, kind=kind, value=value, at=now_ms
    )


def note_bytes(note: object) -> int:
    """Return how many bytes of payload a note has."""
    match note:
        case RecordValue():
            return len(note.outcome.data) + len(note.outcome.cause)
        case SetSearchAttributes():
            return len(note.attributes)
        case Publish():
            return len(note.data)
        case BeginLoop():
            return len(note.state)
    return 0
