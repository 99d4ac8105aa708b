"""Limits of whole queues, as they are set: `mail: at_once=5 rate=100/1m; reports: at_once=2`."""

from __future__ import annotations

from headrace.engine.graph.rules import PARSERS
from headrace.runtime.settings import InvalidSettings
from headrace_execution.dispatcher.round import QueueLimit

_EXAMPLE = "queues such as 'mail: at_once=5 rate=100/1m; reports: at_once=2'"


def parse_queue_limits(text: str) -> tuple[QueueLimit, ...]:
    """Return the limits of queues.

    Raises:
        InvalidSettings: the text does not fit; what is wrong with it, and where.
    """
    found: dict[str, QueueLimit] = {}
    for part in (part for part in text.split(";") if part.strip()):
        queue, colon, rest = part.partition(":")
        name = queue.strip()
        if not colon or not name or not rest.split():
            raise InvalidSettings(f"Expected {_EXAMPLE}, but found {part.strip()!r}")
        if name in found:
            raise InvalidSettings(f"Expected each queue once, but {name} stands there again")
        found[name] = _limit(name, rest.split())
    return tuple(found.values())


def _limit(queue: str, words: list[str]) -> QueueLimit:
    at_once, rate = 0, (0, 0)
    for word in words:
        field, _, value = word.partition("=")
        try:
            if field == "at_once":
                at_once = PARSERS["at_once"](int(value) if value.isdecimal() else value)
            elif field == "rate":
                rate = PARSERS["rate"](value)
            else:
                raise ValueError(f"Expected at_once or rate, but found {word!r}")
        except ValueError as error:
            raise InvalidSettings(f"queue {queue}: {error}") from None
    return QueueLimit(queue=queue, at_once=at_once, per_period=rate[0], period_ms=rate[1])
