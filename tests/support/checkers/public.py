"""The public topics hold every public event of the journals once, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from headrace.contracts.public_events import PUBLIC_TOPIC, public_key
from headrace.shard.ports import Record
from tests.support.checkers.history import History, Place

_SHOWN = 5


def public_place(record: Record) -> Place:
    """Return where the event of a public record stands, as its CloudEvents id says."""
    ce_id = next(value.decode() for name, value in record.headers if name == "ce_id")
    topic, partition, offset, seq = ce_id.rsplit("/", 3)
    return Place(topic, int(partition), int(offset), int(seq))


def expected_places(history: History) -> set[Place]:
    """Return the places of all public events."""
    return {entry.place for entry in history.entries if type(entry.event) in PUBLIC_TOPIC}


def check_public(history: History, records: Iterable[Record]) -> list[str]:
    """Return what is wrong in the public topics, read committed and to their ends."""
    public = {entry.place: entry for entry in history.entries if type(entry.event) in PUBLIC_TOPIC}
    seen: Counter[Place] = Counter()
    last: dict[tuple[str, bytes, str, int], Place] = {}
    problems = []
    for record in records:
        if ("ce_type", b"headrace.IoOutOfRange") in record.headers:
            continue  # it stands in no journal: the relay concludes it
        place = public_place(record)
        seen[place] += 1
        entry = public.get(place)
        if entry is None:
            problems.append(f"{record.topic} offset {record.offset} holds {place}, which does not count")
            continue
        if record.topic != PUBLIC_TOPIC[type(entry.event)] or record.key != public_key(entry.event).encode():
            problems.append(f"{place} ({entry.event.type_name()}) stands in {record.topic} under {record.key!r}")
        line = (record.topic, record.key, place.topic, place.partition)
        if line in last and place <= last[line]:
            problems.append(f"{record.topic}: {place} came after {last[line]} for {record.key!r}")
        last[line] = place
    problems += _few("came twice in the public topics", [place for place, count in seen.items() if count > 1])
    return problems + _few("is missing in the public topics", sorted(public.keys() - seen.keys()))


def _few(what: str, places: Sequence[Place]) -> list[str]:
    more = [f"and {len(places) - _SHOWN} more of which each {what}"] if len(places) > _SHOWN else []
    return [f"{place} {what}" for place in places[:_SHOWN]] + more
