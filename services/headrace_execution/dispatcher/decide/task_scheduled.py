"""TaskScheduled: an attempt is ready. It is placed when the whole record has been looked at."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.changes import key_of
from headrace_execution.dispatcher.decide.dropping import drop
from headrace_execution.dispatcher.round import Round


def task_scheduled(round_: Round, event: TaskScheduled) -> Iterator[Message]:
    """Take an attempt in, once: only a newer lease makes the same attempt run again."""
    if shard_of(event.queue, round_.shards) != round_.shard:
        return
    key = key_of(event)
    known = round_.fresh.get(key)
    attempt = round_.state.open.get(key)
    if attempt is not None:
        known = attempt.task
    if known is not None and known.fencing_token >= event.fencing_token:
        return
    if known is None and round_.state.ended.get(key, -1) >= event.fencing_token:
        return
    if attempt is not None:
        yield from drop(round_, attempt, "replaced")
    round_.fresh[key] = event
