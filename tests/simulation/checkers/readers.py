"""All readers agree: whoever begins anywhere accepts the same records as everybody from there on."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.headers import journal_position
from headrace.shard.reader_rule import Position, Verdict, judge
from tests.simulation.checkers.journals import Journal, Journals
from tests.simulation.reading import Readers


def check(journals: Journals, readers: Readers) -> Iterator[str]:
    """Yield what is wrong."""
    for journal in journals.all:
        for number, seen in enumerate(readers.seen):
            accepted = seen.get(journal.where, [])
            wanted = journal.offsets(accepted[0]) if accepted else []
            if number in readers.lost:
                wanted = wanted[: len(accepted)]
            if accepted != wanted:
                yield f"{journal.where}: Expected reader {number} to accept {wanted}, but it accepted {accepted}"
        yield from _from_everywhere(journal)


def _from_everywhere(journal: Journal) -> Iterator[str]:
    """Begin at every record, as one does who has no position: at the epoch that its header names."""
    entries = journal.entries()
    epochs = set()
    for entry in entries:
        position = journal_position(entry.headers)
        if position is not None:
            epochs.add(entry.offset if position[0] == -1 else position[0])
    for epoch in sorted(epochs):
        at = Position(epoch - 1)
        accepted = []
        for entry in entries[epoch:]:
            verdict, at = judge(at, entry.offset, journal_position(entry.headers))
            if verdict is Verdict.ACCEPT:
                accepted.append(entry.offset)
        if accepted != journal.offsets(epoch):
            wanted = journal.offsets(epoch)
            yield f"{journal.where}: Expected a reader from {epoch} on to accept {wanted}, not {accepted}"
