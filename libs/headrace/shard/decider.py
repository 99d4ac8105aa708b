"""What makes a shard a decision shard, a dispatcher or a resource manager: its decider.

A decider is pure: no clock, no randomness, no hash order, no I/O. Time comes in as an argument; ids derive from the
input's position. `decide` yields events one by one, and the runtime evolves the state with each event *before* it asks
for the next, so a decision sees what it has decided so far, and live and replay share every state change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import msgspec

from headrace.contracts.message import Message


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an input topic, as a decider sees it.

    `topic` is without the namespace. `message` is None when the value could not be decoded; then `error` says why. For
    a journal, `message` is a `JournalRecord`, and (epoch, n) is its position in the reign; elsewhere both are -1.
    `at` is the broker's time of the record, in ms since the epoch.
    """

    topic: str
    partition: int
    offset: int
    epoch: int = -1
    n: int = -1
    at: int
    key: bytes = b""
    value: bytes = b""
    message: Message | None
    error: str = ""
    trace: str = ""


State = TypeVar("State")


class Decider(Protocol[State]):
    """The pure part of a shard. `State` is whatever its fold makes."""

    code_version: int
    """Version of the fold: a process whose version is lower than that of a shard's last `EpochStarted` declines."""

    def initial(self) -> State:
        """Return the state of a shard that has decided nothing yet."""

    def decide(self, state: State, item: Input, now_ms: int) -> Iterator[Message]:
        """Yield the events that follow from an input; the state is evolved with each before the next is asked for.

        All events of one input go into one record: what may exceed half of `record_limit_bytes` must be left pending
        (see `has_pending`). What goes beyond the limit is taken back, and the input goes to `failed`.
        """

    def failed(self, state: State, item: Input, error: Exception, now_ms: int) -> Iterator[Message]:
        """Yield the events that record an exception in `decide`; what `decide` yielded before it stands."""

    def refuse(self, event: Message, error: Exception) -> bool:
        """Take note of an event that an earlier reign could not fold or record, and decide something else in its place.

        False where that is not possible: then the input goes to `failed`, and without an input the process ends.
        """

    def due_at(self, state: State) -> int | None:
        """Return when the next timer is due, in ms since the epoch; None when none is set."""

    def tick(self, state: State, now_ms: int) -> Iterator[Message]:
        """Yield the events of the timers that are due by now.

        With many of them, stop at about half of `record_limit_bytes`; what is still due is asked for again at once.
        """

    def has_pending(self, state: State) -> bool:
        """Tell whether the rest of a decision that was too large waits in the state."""

    def resume(self, state: State, now_ms: int) -> Iterator[Message]:
        """Yield the next part of what `has_pending` told of, one event at least.

        The runtime may stop asking at any event: what is left must still be pending in the state then.
        """

    def evolve(self, state: State, event: Message) -> None:
        """Change the state by one event. Never fails for an event that `decide` yielded."""

    def addressees(self, event: Message) -> Iterable[str]:
        """Return whom an event is addressed to (`d3`, `x0`, `r0`, `w:NAME`; see contracts.headers); mostly nobody."""

    def taken_over(self, state: State, now_ms: int) -> None:
        """Called once a reign has caught up: liveness clocks, which no journal holds, start anew."""

    def changes(self, state: State) -> Iterator[tuple[str, bytes | None]]:
        """Yield what has changed since the state was made, restored or last asked: key and packed value.

        None stands for what is gone. Keys are unique, without NUL, at most 250 bytes; values may have any size and
        carry what newer code needs to read them. Exhausting it forgets the changes: a checkpoint that fails ends the
        reign, and the state with it. The union of all changes, `restored`, equals the state.
        """

    def restored(self, entries: Iterable[tuple[str, bytes]]) -> State:
        """Return the state that the entries of all snapshots together describe, given in the order of their keys.

        Raises:
            ValueError: an entry cannot be read.
        """
