"""Limits of whole queues, as they are set: `mail: at_once=5 rate=100/1m; reports: backlog=1000 when_full=refuse`."""

from __future__ import annotations

from headrace.engine.graph.rules import PARSERS
from headrace.runtime.settings import InvalidSettings
from headrace_execution.dispatcher.limits import REFUSE, WAIT, QueueLimit

# A dispatcher holds some 2 KB for each; more than this would not fit into a usual machine.
_MOST_WAITING = 10_000_000
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
    at_once, rate, backlog, when_full = 0, (0, 0), 0, WAIT
    for word in words:
        field, _, value = word.partition("=")
        try:
            if field == "at_once":
                at_once = PARSERS["at_once"](int(value) if value.isdecimal() else value)
            elif field == "rate":
                rate = PARSERS["rate"](value)
            elif field == "backlog":
                backlog = _backlog(value)
            elif field == "when_full" and value in (WAIT, REFUSE):
                when_full = value
            else:
                raise ValueError(f"Expected at_once, rate, backlog or when_full=wait|refuse, but found {word!r}")
        except ValueError as error:
            raise InvalidSettings(f"queue {queue}: {error}") from None
    if when_full == REFUSE and not backlog:
        raise InvalidSettings(f"queue {queue}: Expected backlog beside when_full=refuse, but there is none")
    return QueueLimit(
        queue=queue,
        at_once=at_once,
        per_period=rate[0],
        period_ms=rate[1],
        backlog=backlog,
        when_full=when_full,
    )


def _backlog(value: str) -> int:
    if value.isdecimal() and 1 <= int(value) <= _MOST_WAITING:
        return int(value)
    raise ValueError(f"Expected backlog from 1 to {_MOST_WAITING}, but found {value!r}")
