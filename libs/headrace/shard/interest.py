"""Which topics a reader looks into only now and then, since nothing in them has been for it lately."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Interest(msgspec.Struct, kw_only=True):
    """Tells prompt topics from those that are aside. Times in seconds, from any fixed moment.

    Many a journal is read for what is rare: a decision shard reads the dispatchers' for attempts that were lost, and
    the other decision shards' for children. Most records there are for others, and each costs a request, a wake-up and
    a look at its headers. So a topic is put aside once nothing in it was for the reader for a while, and comes back
    with the first record that is.
    """

    candidates: frozenset[str]
    """The topics that may be put aside."""
    quiet_s: float
    """How long nothing may have come before a topic is put aside."""
    heard_s: dict[str, float] = msgspec.field(default_factory=dict)
    aside: set[str] = msgspec.field(default_factory=set)

    def assigned(self, topics: Iterable[str], now_s: float) -> None:
        """Note topics that are read from now on: what has gathered in them is read promptly."""
        for topic in topics:
            if topic in self.candidates and topic not in self.aside:
                self.heard_s[topic] = now_s

    def heard(self, topic: str, now_s: float) -> bool:
        """Note that a record was for the reader. True when the topic was aside, and is no more."""
        if topic not in self.candidates:
            return False
        self.heard_s[topic] = now_s
        if topic in self.aside:
            self.aside.discard(topic)
            return True
        return False

    def fallen_quiet(self, now_s: float) -> list[str]:
        """Put aside what has been quiet for long enough; return it."""
        quiet = [topic for topic, at in self.heard_s.items() if topic not in self.aside and now_s - at >= self.quiet_s]
        self.aside.update(quiet)
        return quiet
