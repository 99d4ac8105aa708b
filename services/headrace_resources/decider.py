"""The resource manager's pure part: a `headrace.shard.decider.Decider`.

Inputs are the records of `workflow.journal` that are addressed to this shard (requests and endings), and the
declarations on its partition of `resource.commands`. Everything that it decides is an event of `resource.journal`;
grants and refusals are addressed to the decision shard whose journal the request was read from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.contracts.journal import JournalRecord
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.contracts.workflow_events import CommandRejected
from headrace.shard.decider import Input
from headrace_resources import checkpoint
from headrace_resources.decide import EVENT_DECIDERS
from headrace_resources.decide.declare_resource import declare_resource, objection
from headrace_resources.decide.lease_requested import ERROR, refused
from headrace_resources.decide.limits import RESOURCES_PER_SHARD
from headrace_resources.decide.round import Round
from headrace_resources.decide.run_ended import release_run
from headrace_resources.decide.settle import settle
from headrace_resources.decide.undeclared import refusal_due_at, refuse_undeclared
from headrace_resources.evolve import evolve
from headrace_resources.state import ShardState


class ResourceDecider:
    """Decides for one resource shard out of `shards`."""

    code_version = 1

    def __init__(self, shard: int = 0, shards: int = 1, most_resources: int = RESOURCES_PER_SHARD) -> None:
        self._shard = shard
        self._shards = shards
        self._most_resources = most_resources

    def initial(self) -> ShardState:
        """Return the state of a shard that knows no resource."""
        return ShardState()

    def decide(self, state: ShardState, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield what follows from a journal record or a command."""
        round_ = self._round(state, now_ms, item)
        message = item.message
        if isinstance(message, JournalRecord):
            for event in message.events:
                decider = EVENT_DECIDERS.get(type(event))
                if decider is not None:
                    yield from decider(round_, event)
        elif isinstance(message, DeclareResource):
            reason = objection(round_, message)
            if reason:
                yield _rejected(item, ERROR, reason, now_ms)
            else:
                yield from declare_resource(round_, message)
        else:
            found = item.error or f"a {type(message).__name__}"
            yield _rejected(item, "headrace.SerializationError", f"Expected a DeclareResource, but {found}", now_ms)
        yield from settle(round_)

    def failed(self, state: ShardState, item: Input, error: Exception, now_ms: int) -> Iterator[Message]:
        """Record a fault of ours. Requests of the record that got no answer are refused: nobody waits for ever."""
        cause = f"Expected a decision on {item.topic}/{item.partition}@{item.offset}, but it failed: {error!r}"
        yield _rejected(item, "headrace.InternalError", cause, now_ms)
        round_ = self._round(state, now_ms, item)
        for event in item.message.events if isinstance(item.message, JournalRecord) else ():
            if isinstance(event, LeaseRequested) and state.claim(event.run_id, event.step) is None:
                holder = LeaseHolder(
                    workflow_id=event.workflow_id,
                    run_id=event.run_id,
                    step=event.step,
                    attempt=event.attempt,
                    node=event.node,
                    index=event.index,
                    shard=item.partition,
                )
                yield refused(round_, event.resource, event.units, holder, cause)

    def refuse(self, event: Message, error: Exception) -> bool:
        """Nothing can be set aside here: an input that breaks goes to `failed`."""
        return False

    def due_at(self, state: ShardState) -> int | None:
        """Return when a request for a resource that nobody declares is refused. A lease never ends by time."""
        return refusal_due_at(state)

    def tick(self, state: ShardState, now_ms: int) -> Iterator[Message]:
        """Refuse the requests that have waited in vain for their resource's declaration."""
        yield from refuse_undeclared(Round(state=state, now_ms=now_ms, shard=self._shard, shards=self._shards))

    def has_pending(self, state: ShardState) -> bool:
        """Tell whether claims of an ended run, or turns that have come, are left from an earlier round."""
        return bool(state.ending or state.unsettled)

    def resume(self, state: ShardState, now_ms: int) -> Iterator[Message]:
        """Yield the next part: first the rest of ended runs, then the turns that have come."""
        round_ = Round(state=state, now_ms=now_ms, shard=self._shard, shards=self._shards)
        for run_id, reason in sorted(state.ending.items())[:1]:
            yield from release_run(round_, run_id, reason)
        yield from settle(round_)

    def evolve(self, state: ShardState, event: Message) -> None:
        """Change the state by one event."""
        evolve(state, event)

    def addressees(self, event: Message) -> Iterable[str]:
        """Return the decision shard that waits for an answer."""
        if isinstance(event, LeaseGranted | LeaseRefused):
            return (f"d{event.to_shard}",)
        return ()

    def taken_over(self, state: ShardState, now_ms: int) -> None:
        """Nothing: leases are tied to tasks, whose liveness the dispatcher watches."""

    def changes(self, state: ShardState) -> Iterator[tuple[str, bytes | None]]:
        """Yield what has changed since the last checkpoint."""
        return checkpoint.changes(state)

    def restored(self, entries: Iterable[tuple[str, bytes]]) -> ShardState:
        """Return the state that the entries of all checkpoints describe."""
        return checkpoint.restored(entries)

    def _round(self, state: ShardState, now_ms: int, item: Input) -> Round:
        return Round(
            state=state,
            now_ms=now_ms,
            shard=self._shard,
            shards=self._shards,
            from_shard=item.partition,
            most_resources=self._most_resources,
        )


def _rejected(item: Input, error: str, reason: str, now_ms: int) -> CommandRejected:
    return CommandRejected(
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value,
        error=error,
        reason=reason,
        at=now_ms,
    )
