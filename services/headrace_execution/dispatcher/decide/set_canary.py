"""SetCanary: an operator gives a share of a queue's tasks of one name to a version, or takes it back."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import CanaryCleared, CanarySet
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.engine.task_versions import check_version
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import Canary


def refusal(round_: Round, command: SetCanary) -> str:
    """Return why a command is refused; empty where it is not. It may come from any Kafka client."""
    if not command.queue or not command.task:
        return "Expected a queue and a task for a canary, but there is none"
    owner = shard_of(command.queue, round_.shards)
    if owner != round_.shard:
        return f"Expected a canary of queue {command.queue} on partition {owner}, but found it on {round_.shard}"
    if not 0 <= command.share <= 1:
        return f"Expected a share from 0 to 1, but found {command.share}"
    if not command.share:
        return ""
    canaries, most = round_.state.canaries, round_.limits.canaries
    if (command.queue, command.task) not in canaries and len(canaries) >= most:
        return f"Expected at most {most} canaries, but found another; take one back first"
    try:
        check_version(command.version)
    except ValueError as error:
        return str(error)
    return ""


def set_canary(round_: Round, command: SetCanary) -> Iterator[Message]:
    """Set a canary or take it back; what is so already is not told again."""
    known = round_.state.canaries.get((command.queue, command.task))
    if command.share:
        if known != Canary(command.version, command.share):
            yield CanarySet(
                queue=command.queue,
                task=command.task,
                version=command.version,
                share=command.share,
                issued_by=command.issued_by,
                at=round_.now_ms,
            )
    elif known is not None:
        yield CanaryCleared(queue=command.queue, task=command.task, issued_by=command.issued_by, at=round_.now_ms)
