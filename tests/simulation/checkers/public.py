"""The public topics hold every public event of the records that count, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from headrace.contracts.public_events import PUBLIC_TOPIC
from headrace.contracts.topics import JOURNALS
from tests.simulation.checkers.journals import Journals


def check(journals: Journals) -> Iterator[str]:
    """Yield what is wrong."""
    for public in dict.fromkeys(PUBLIC_TOPIC.values()):
        wanted = Counter(
            f"{found.where.topic}/{found.where.partition}/{found.entry.offset}/{at}"
            for topic in JOURNALS
            for found, at, event in journals.events(topic)
            if PUBLIC_TOPIC.get(type(event)) == public
        )
        found_ids: Counter[str] = Counter()
        for where, entries in journals.log.archive.items():
            if where.topic == public:
                found_ids.update(dict(entry.headers)["ce_id"].decode() for entry in entries)
        if wanted != found_ids:
            missing, extra = wanted - found_ids, found_ids - wanted
            yield f"{public}: Expected every event once, but {sorted(missing)} are missing, {sorted(extra)} too many"
