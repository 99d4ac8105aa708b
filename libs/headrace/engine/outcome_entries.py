"""How workflows ended, as entries of a snapshot: `o/PART/PIECE`, what has ended since the checkpoint before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.outcomes import Outcomes, Part
from headrace.engine.packing import PackedRef, pack_ref, unpack_ref
from headrace.engine.state import Telling
from headrace.shard.entries import Entry, pack, unpacker


class OutcomesEntry(Entry, array_like=True, kw_only=True):
    """Some more ends of a part, by the digest of the workflow's id."""

    number: int
    first_at: int
    last_at: int
    ends: dict[bytes, bytes]


class PackedTelling(msgspec.Struct, array_like=True):
    """`Telling`, with its run id."""

    run_id: str
    workflow_id: str
    outcome: tuple[str, bytes, str, str, str]
    watchers: list[PackedRef]


_piece = unpacker(OutcomesEntry)


def outcome_changes(outcomes: Outcomes) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has ended since the last time, and which parts are gone."""
    numbers = {part.number for part in outcomes.parts}
    for number in [number for number in outcomes.saved if number not in numbers]:
        for key in outcomes.saved.pop(number):
            yield key, None
    for part in outcomes.parts:
        if part.unsaved:
            saved = outcomes.saved.setdefault(part.number, [])
            key = f"o/{part.number:010}/{len(saved):06}"
            saved.append(key)
            yield (
                key,
                pack(
                    OutcomesEntry(number=part.number, first_at=part.first_at, last_at=part.last_at, ends=part.unsaved)
                ),
            )
            part.unsaved = {}


def restore_outcomes(outcomes: Outcomes, pieces: Iterable[tuple[str, bytes]]) -> None:
    """Put parts together. Keys end in zero-padded numbers, so that their order is that of time."""
    parts: dict[int, Part] = {}
    for key, value in sorted(pieces):
        entry = _piece(key, value)
        part = parts.get(entry.number)
        if part is None:
            part = parts[entry.number] = Part(number=entry.number, first_at=entry.first_at)
        part.last_at = max(part.last_at, entry.last_at)
        part.ends |= entry.ends
        outcomes.saved.setdefault(entry.number, []).append(key)
    for _, part in sorted(parts.items()):
        part.size_bytes = sum(map(len, part.ends.values()))
        outcomes.restore(part)


def pack_telling(telling: dict[str, Telling]) -> list[PackedTelling]:
    """Return those who were not told yet as they are packed."""
    return [
        PackedTelling(
            run_id,
            each.workflow_id,
            msgspec.structs.astuple(each.outcome),
            [pack_ref(watcher) for watcher in each.watchers],
        )
        for run_id, each in telling.items()
    ]


def unpack_telling(packed: list[PackedTelling]) -> dict[str, Telling]:
    """Return what was packed."""
    return {
        each.run_id: Telling(
            workflow_id=each.workflow_id,
            outcome=Outcome(*each.outcome),
            watchers=[unpack_ref(watcher) for watcher in each.watchers],
        )
        for each in packed
    }
