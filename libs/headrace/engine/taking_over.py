"""From the record of a run that failed to what the next run takes over of it."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.references import RetriedRun
from headrace.engine.carried import RECEIVED, Carried, CarriedEnd, FormerChild
from headrace.engine.kernel.requests import LOOP_NODE, MEMO, VERSION, resumed_fingerprint
from headrace.engine.run import ATTACH, CALLBACK, CHILD, SENDING, SIGNAL, TASK, TIMER, Run

_KINDS = frozenset({TASK, CHILD, ATTACH, SENDING, CALLBACK, MEMO})
_TAKEN_OVER_OF_LOOPS = resumed_fingerprint(LOOP_NODE)
_NAMED = (TASK, CHILD)
ALREADY_EXISTS = "headrace.AlreadyExists"


def carried_of(run: Run, retried: RetriedRun) -> Carried:
    """Return what is taken over: the successes of steps that were not undone and are not to run again, the signals, and
    what the run itself had taken over and not asked for.
    """
    ends = list(_ends(run, retried))
    left = run.carried
    if left is not None and not retried.from_task:
        first = len(run.log)
        ends += [
            CarriedEnd(first + at, end.fingerprint, end.digest, end.data, end.content_type)
            for at, end in enumerate(left.ends.values())
        ]
    versions = dict(left.versions) if left is not None else {}
    for step, fingerprint in enumerate(run.steps):
        kind, _, rest = fingerprint.partition(" ")
        if kind == VERSION and _kept(step, retried):
            name, _, version = rest.rpartition(" ")
            versions[name] = int(version)
    return Carried(run.run_id, ends, versions, _children(run))


def first_step_of(run: Run, name: str) -> int | None:
    """Return the first step that asked for a task or a child of this name, or at this node; None where none did."""
    for step, fingerprint in enumerate(run.steps):
        kind, *rest = fingerprint.split(" ")
        # KIND NODE INDEX NAME
        if kind in _NAMED and name in (rest[0], rest[-1]):
            return step
    return None


def _ends(run: Run, retried: RetriedRun) -> Iterator[CarriedEnd]:
    last = len(run.log) - 1
    for order, end in enumerate(run.log):
        outcome = end.outcome
        if end.step == SIGNAL:
            yield CarriedEnd(order, f"{RECEIVED} {end.name}", b"", outcome.data, outcome.content_type)
        elif end.step >= 0 and outcome.ok and _kept(end.step, retried):
            fingerprint = run.steps[end.step]
            kind = fingerprint.partition(" ")[0]
            # A timer that ended the run is waited for again.
            timer = kind == TIMER and order != last
            if timer or kind in _KINDS or fingerprint == _TAKEN_OVER_OF_LOOPS:
                yield CarriedEnd(order, fingerprint, end.digest, outcome.data, outcome.content_type)


def _children(run: Run) -> list[FormerChild]:
    """Return the children that the run had, but for those that were somebody else's workflows."""
    found = {
        end.step: (end.name, end.digest)
        for end in run.log
        if end.step >= 0 and end.name and end.outcome.error != ALREADY_EXISTS
    }
    found |= run.given_up
    mine = [FormerChild(run.steps[step], digest, child_id) for step, (child_id, digest) in sorted(found.items())]
    known = {child.child_id for child in mine}
    left = run.carried.children if run.carried is not None else ()
    return [*mine, *(child for child in left if child.child_id not in known)]


def _kept(step: int, retried: RetriedRun) -> bool:
    return step >= retried.undone_before and (retried.from_step < 0 or step < retried.from_step)
