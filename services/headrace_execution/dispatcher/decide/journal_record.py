"""A record of a decision shard's journal: its events in order, then what they add up to."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace_execution.dispatcher.decide import EVENT_DECIDERS
from headrace_execution.dispatcher.decide.ending import slots_free
from headrace_execution.dispatcher.decide.placement import admit
from headrace_execution.dispatcher.decide.taking_back import take_back
from headrace_execution.dispatcher.round import Round


def journal_record(round_: Round, record: JournalRecord) -> Iterator[Message]:
    """Decide on all events of a record."""
    for event in record.events:
        decide = EVENT_DECIDERS.get(type(event))
        if decide is not None:
            yield from decide(round_, event)
    yield from slots_free(round_, round_.ended, retrying=round_.retrying)
    yield from admit(round_)
    yield from _unanswered(round_, record)


def _unanswered(round_: Round, record: JournalRecord) -> Iterator[Message]:
    """Run again what a worker has finished where the shard has passed the result without an end."""
    state, shard = round_.state, round_.decision_shard
    for position in record.positions:
        if position.topic == WORKFLOW_COMMANDS:
            state.live.passed[shard] = max(position.offset, state.live.passed.get(shard, -1))
    if not state.finished:
        return
    passed = state.live.passed.get(shard, -1)
    for number in sorted(state.finished):
        assignment = state.assignments[number]
        held = assignment.attempt.key[0] in state.live.held
        if assignment.partition == shard and assignment.offset <= passed and not held:
            yield from take_back(round_, assignment, "unanswered", blame=True)
