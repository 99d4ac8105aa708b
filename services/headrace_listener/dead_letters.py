"""Dead letters: records that could not be understood or handled, as they were, with the reason in their headers.

Headers: `reason` (for people), `error` (its name), and where the record stood: `topic`, `partition`, `offset`;
`workflow_id` where one is known, `listener` or `trigger` and `attempts` where one of those gave up. The record's
own headers follow, except those of the same names.
"""

from __future__ import annotations

from headrace.contracts import topics
from headrace.contracts.headers import Headers
from headrace.contracts.workflow_events import CommandRejected
from headrace_listener.outgoing import Outgoing


def dead_letter(
    *,
    key: bytes,
    value: bytes,
    error: str,
    reason: str,
    topic: str,
    partition: int,
    offset: int,
    limit_bytes: int,
    headers: Headers | None = None,
    **more: str,
) -> Outgoing:
    """Return the record for the `dead-letters` topic. A reason longer than the limit is cut, and says so."""
    told = {
        "reason": cut(reason, limit_bytes),
        "error": error,
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        **{name: text for name, text in more.items() if text},
    }
    own: Headers = [(name, text.encode("utf-8", "backslashreplace")) for name, text in told.items()]
    return Outgoing(
        topic=topics.DEAD_LETTERS,
        key=key,
        value=value,
        headers=own + [(name, data) for name, data in headers or [] if name not in told],
    )


def rejected_command(event: CommandRejected, *, limit_bytes: int) -> Outgoing:
    """Return the dead letter of a command that a shard rejected."""
    return dead_letter(
        key=event.key,
        value=event.value,
        error=event.error,
        reason=event.reason,
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        workflow_id=event.workflow_id,
        limit_bytes=limit_bytes,
    )


def cut(text: str, limit_bytes: int) -> str:
    """Return a text of at most so many bytes; one that was cut ends with what is missing."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= limit_bytes:
        return text
    kept = data[:limit_bytes].decode("utf-8", "ignore")
    return f"{kept}... ({len(data) - limit_bytes} bytes more)"
