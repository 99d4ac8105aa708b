"""Long records in a snapshot: what a run has recorded once does not change any more, so it is written once.

Without this, every checkpoint would write the whole record of each long workflow that went on: a cost per step that
grows with the steps. So the first steps and ends of a run, in *parts* of a fixed number, are entries of their own, and
the run's entry holds the rest.

    h/WORKFLOW/s000000   the first 256 fingerprints of its requests
    h/WORKFLOW/e000000   the first 256 ends that it has seen
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.engine.packing import PackedEnd, joined, pack_ends, pack_run, unpack_run
from headrace.engine.run import Run
from headrace.engine.runs import Runs
from headrace.shard.entries import Entry, pack, unpacker

PART = 256
"""Steps, or ends, of a part: some 10 KB, and as much at most is written again and again."""
_LONG_BYTES = 4 * PART
"""No packed run with a whole part takes less: an end has at least some ten bytes."""
_STEPS = "s"
_ENDS = "e"

Change = tuple[str, bytes | None]
Parts = dict[tuple[str, str], list["PartEntry"]]
"""Parts in their order, by workflow id and kind."""


class PartEntry(Entry, array_like=True, kw_only=True):
    """Some of a record's steps, or of its ends."""

    steps: list[str] = msgspec.field(default_factory=list)
    ends: list[PackedEnd] = msgspec.field(default_factory=list)


_part = unpacker(PartEntry)


def run_changes(runs: Runs) -> Iterator[Change]:
    """Yield the entries of all runs that have changed."""
    apart: list[Change] = []
    for workflow_id, packed in runs.changed.take(lambda workflow_id: _pack(runs, workflow_id, apart)):
        yield f"r/{workflow_id}", packed
        yield from apart
        apart.clear()


def collect(parts: Parts, key: str, value: bytes) -> None:
    """Take in a part of a snapshot. They must come sorted by key."""
    _, workflow_id, number = key.split("/")
    parts.setdefault((workflow_id, number[0]), []).append(_part(key, value))


def restore(runs: Runs, workflow_id: str, packed: bytes, parts: Parts) -> None:
    """Put a run and its parts together."""
    steps = [step for part in parts.get((workflow_id, _STEPS), ()) for step in part.steps]
    ends = [end for part in parts.get((workflow_id, _ENDS), ()) for end in part.ends]
    run_id, whole = joined(workflow_id, packed, steps, ends)
    runs.restore(workflow_id, whole)
    runs.cuts[workflow_id] = (run_id, len(steps), len(ends))


def _pack(runs: Runs, workflow_id: str, apart: list[Change]) -> bytes | None:
    """Return the entry of a run; what stands apart is added to `apart`."""
    found = runs.look_at(workflow_id)
    if isinstance(found, bytes) and len(found) >= _LONG_BYTES:
        found = unpack_run(workflow_id, found)
    _, old_steps, old_ends = old = runs.cuts.pop(workflow_id, ("", 0, 0))
    if not isinstance(found, Run):
        apart += _gone(workflow_id, old_steps, 0, old_ends, 0)
        return found
    steps, ends = len(found.steps) // PART * PART, len(found.log) // PART * PART
    apart += _gone(workflow_id, old_steps, steps, old_ends, ends)
    # Another run under the same id has a record of its own.
    same = old[0] == found.run_id
    for at in range(old_steps if same else 0, steps, PART):
        apart.append((_key(workflow_id, _STEPS, at), pack(PartEntry(steps=found.steps[at : at + PART]))))
    for at in range(old_ends if same else 0, ends, PART):
        apart.append((_key(workflow_id, _ENDS, at), pack(PartEntry(ends=pack_ends(found.log[at : at + PART])))))
    if steps or ends:
        runs.cuts[workflow_id] = (found.run_id, steps, ends)
    return pack_run(found, (steps, ends))


def _gone(workflow_id: str, old_steps: int, steps: int, old_ends: int, ends: int) -> list[Change]:
    """Return the tombstones of parts that there were, and are no longer."""
    gone = [_key(workflow_id, _STEPS, at) for at in range(steps, old_steps, PART)]
    gone += [_key(workflow_id, _ENDS, at) for at in range(ends, old_ends, PART)]
    return [(key, None) for key in gone]


def _key(workflow_id: str, kind: str, at: int) -> str:
    return f"h/{workflow_id}/{kind}{at // PART:06}"
