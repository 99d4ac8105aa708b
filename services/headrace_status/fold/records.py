"""Whole records into a batch: the events of a journal record, and how far its shard has read."""

from __future__ import annotations

from headrace.contracts import topics
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleFired
from headrace.contracts.workflow_events import CommandForwarded
from headrace_status.fold.batch import Batch
from headrace_status.fold.changes import Origin, Put
from headrace_status.fold.registry import changes

# Whoever waits for a command asks how far its shard has read the commands, and for a forwarded one, the other shards'
# journals.
_WAITED_FOR = frozenset({topics.WORKFLOW_COMMANDS, topics.WORKFLOW_JOURNAL})


def fold_record(batch: Batch, topic: str, partition: int, offset: int, at: int, message: Message) -> None:
    """Fold one accepted record of any topic into the batch. `at` is the time that the broker gave it, in ms."""
    if not isinstance(message, JournalRecord):
        for change in changes(message, Origin(topic, partition, offset), at):
            batch.add(change)
        return
    add = batch.add
    for seq, event in enumerate(message.events):
        for change in changes(event, Origin(topic, partition, offset, seq), message.at):
            add(change)
    if topic == topics.WORKFLOW_JOURNAL:
        _inputs(batch, partition, offset, message)


def _inputs(batch: Batch, shard: int, offset: int, record: JournalRecord) -> None:
    read = -1
    for position in record.positions:
        if position.topic in _WAITED_FOR:
            batch.add(Put("inputs", (shard, position.topic, position.partition), {"offset": position.offset}))
        if position.topic == topics.WORKFLOW_COMMANDS:
            read = position.offset
    for event in record.events:
        # A command that was forwarded came in with this record, at this offset of the commands or shortly before it; so
        # did one that lets a schedule start something on another shard.
        if isinstance(event, CommandForwarded | ScheduleFired) and read >= 0:
            batch.add(Put("forwards", (shard, read, event.to_shard), {"journal_offset": offset}))
