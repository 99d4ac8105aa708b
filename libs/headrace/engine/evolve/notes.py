"""State changes of what a run notes, and of a run that goes on with a smaller record."""

from __future__ import annotations

from headrace.contracts.record_events import Published, SearchAttributesSet, ValueRecorded, WorkflowContinued
from headrace.engine.identity import start_digest
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Outcome
from headrace.engine.kernel.requests import (
    LOOP_NODE,
    MEMO,
    SEARCH,
    VERSION,
    publish_fingerprint,
    resumed_fingerprint,
    value_fingerprint,
    version_fingerprint,
)
from headrace.engine.run import WORKFLOW_TIMER, Delivered, Run
from headrace.engine.state import ShardState


def value_recorded(state: ShardState, event: ValueRecorded) -> None:
    """A note took a step number. What a function gave stands among the ends, where a replay finds it."""
    run = state.runs[event.workflow_id]
    if event.kind == VERSION:
        run.steps.append(version_fingerprint(event.node, event.value.decode()))
        return
    run.steps.append(value_fingerprint(event.kind, event.node))
    if event.kind == MEMO:
        status = FAILED if event.error else SUCCEEDED
        outcome = Outcome(status, event.value, event.content_type, event.error, event.cause)
        run.log.append(Delivered(event.step, outcome, event.at))
        if run.carried is not None:
            run.carried.take_value(run.steps[-1])


def search_attributes_set(state: ShardState, event: SearchAttributesSet) -> None:
    """A note, which took a step number; the values are for those who read."""
    state.runs[event.workflow_id].steps.append(SEARCH)


def published(state: ShardState, event: Published) -> None:
    """A note, which took a step number; the value is for those who read."""
    state.runs[event.workflow_id].steps.append(publish_fingerprint(event.name))


def workflow_continued(state: ShardState, event: WorkflowContinued) -> None:
    """The run goes on under another run id. Signals that nobody has taken, and a request to end, go along."""
    run = state.runs[event.workflow_id]
    dropped = frozenset(event.dropped_signals)
    last = event.kept_steps - 1
    kept = [end.step < last if end.step >= 0 else at not in dropped for at, end in enumerate(run.log)]
    heard = [end for end, stays in zip(run.log[: event.heard], kept, strict=False) if stays]
    run.log = [
        *heard,
        *_resumption(event, last),
        *(end for end, stays in zip(run.log[event.heard :], kept[event.heard :], strict=True) if stays),
    ]
    if event.kept_steps:
        _from_loop(run, event, last)
    else:
        _anew(state, run, event)
    run.given_up = {step: child for step, child in run.given_up.items() if step < last}
    run.run_id = event.next_run_id
    run.open = {}


def _resumption(event: WorkflowContinued, last: int) -> list[Delivered]:
    """What brings a loop its state comes after what it had heard, and before what came since."""
    return [Delivered(last, Outcome(SUCCEEDED, event.state), event.at)] if event.kept_steps else []


def _from_loop(run: Run, event: WorkflowContinued, last: int) -> None:
    """The steps up to the loop's own stay, with what randomness derives from there."""
    former = run.seeds or [(0, run.run_id)]
    run.seeds = [*(seed for seed in former if seed[0] <= last), (event.kept_steps, event.next_run_id)]
    run.steps = [*run.steps[:last], resumed_fingerprint(LOOP_NODE)]


def _anew(state: ShardState, run: Run, event: WorkflowContinued) -> None:
    """Nothing of the record stays, and the time limit begins again."""
    run.first_start = run.first_start or start_digest(run.name, run.input)
    run.input = event.input
    run.content_type = event.content_type
    run.steps = []
    run.carried = None
    run.seeds = []
    run.started_at = event.at
    run.halted_ms = 0
    if run.ends_at:
        state.set_timer(run.ends_at, run.workflow_id, WORKFLOW_TIMER)
