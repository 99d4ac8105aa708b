"""How a reign ends, apart from being given back."""

from __future__ import annotations


class Abandoned(Exception):
    """Rule 6: what this process believes may not be what the log says; the state is dropped. Not an error by itself."""


class ShardDeclined(Exception):
    """This process must not run the shard: its code is too old, or its clock is wrong. The text says what to do."""


class DecisionTooLarge(Exception):
    """The events of one input do not fit one record.

    A programmer's error in the decider, which must yield in rounds.
    """


class InputParked(Exception):
    """An input ended several reigns of this shard while it was decided; it is set aside."""
