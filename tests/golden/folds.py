"""Journals of each decider, the states that they fold to, and the snapshots of those."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.engine.evolve import registry as decision_evolve
from headrace.engine.evolve.workflow import END_STATUS
from headrace.engine.state import ShardState
from headrace.shard.decider import Decider
from headrace_execution.dispatcher import evolve as dispatcher_evolve
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_resources import evolve as resources_evolve
from headrace_resources.decider import ResourceDecider
from tests.golden import scenarios
from tests.golden.plain import plain
from tests.support.snapshots import merge
from tests.unit.engine.decision_shard import DecisionShard
from tests.unit.execution.dispatcher_shard import durable

_CODEC = Codec()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One decider: how to make it, what to play, and what its state holds, readable."""

    decider: Callable[[], Decider[Any]]
    scenario: Callable[[], list[Message]]
    events: Iterable[type[Message]]
    readable: Callable[[Any, list[Message]], Any]


def _decision_state(state: ShardState, journal: list[Message]) -> Any:
    ended = dict.fromkeys(event.workflow_id for event in journal if type(event) in END_STATUS)  # type: ignore[attr-defined]
    return {
        "runs": {run.workflow_id: plain(run) for run in state.runs.values()},
        "closed": {workflow_id: plain(state.closed.get(workflow_id)) for workflow_id in ended},
        "previous": {"/".join(series): plain(state.previous.get(*series)) for series in state.previous},
        "outcomes": {workflow_id: plain(state.outcomes.get(workflow_id)) for workflow_id in ended},
        "telling": plain(state.telling),
        "pending": list(state.pending),
        "backlogs": {
            queue: [each.full, each.when_full, each.room, each.asked, each.place, sorted(each.entries.items())]
            for queue, each in state.backlogs.queues.items()
        },
        "schedules": {schedule.schedule_id: plain(schedule) for schedule in state.schedules.values()},
        "schedule_commands": len(state.schedules.commands.digests),
    }


KINDS: dict[str, Kind] = {
    "decision": Kind(
        decider=lambda: DecisionShard().decider,
        scenario=scenarios.decision,
        events=(*decision_evolve.EVOLVERS, *decision_evolve.SCHEDULE_EVOLVERS, *decision_evolve.BACKLOG_EVOLVERS),
        readable=_decision_state,
    ),
    "dispatcher": Kind(
        decider=DispatcherDecider,
        scenario=scenarios.dispatcher,
        events=dispatcher_evolve.EVOLVERS,
        readable=lambda state, _: plain(durable(state)),
    ),
    "resources": Kind(
        decider=ResourceDecider,
        scenario=scenarios.resources,
        events=resources_evolve.EVOLVERS,
        readable=lambda state, _: {
            name: plain(getattr(state, name)) for name in ("resources", "runs", "ending", "undeclared", "arrivals")
        },
    ),
}


def recorded(name: str) -> dict[str, Any]:
    """Play the scenario of a decider with today's code; return what goes into its file."""
    kind = KINDS[name]
    journal = kind.scenario()
    state = fold(name, journal)
    snapshot: dict[str, bytes] = {}
    merge(snapshot, kind.decider().changes(state))
    return {
        "code_version": kind.decider().code_version,
        "journal": [[event.type_name(), base64.b64encode(_CODEC.encode(event)).decode()] for event in journal],
        "state": kind.readable(state, journal),
        "snapshot": {key: base64.b64encode(value).decode() for key, value in snapshot.items()},
    }


def fold(name: str, journal: Iterable[Message]) -> Any:
    """Return the state that a journal folds to."""
    decider = KINDS[name].decider()
    state = decider.initial()
    for event in journal:
        decider.evolve(state, event)
    return state


def journal_of(file: dict[str, Any]) -> list[Message]:
    """Return the events of a file."""
    return [_CODEC.decode(base64.b64decode(value)) for _, value in file["journal"]]


def snapshot_of(file: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Return the entries of the snapshot of a file."""
    return [(key, base64.b64decode(value)) for key, value in sorted(file["snapshot"].items())]
