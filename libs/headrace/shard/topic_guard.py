"""Notices topics that were deleted, or deleted and made anew under the same name, which clients do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.shard.ports import LookUps, PositionLost


class TopicGuard:
    """Compares the ids of topics with those that were recorded when the namespace was made."""

    def __init__(self, log: LookUps, topics: Iterable[str], recorded: Mapping[str, str] | None = None) -> None:
        """Guard some topics; without recorded ids, those that are found first count."""
        self._log = log
        self._topics = tuple(topics)
        self._recorded = dict(recorded or {})

    def check(self) -> None:
        """Compare.

        Raises:
            PositionLost: a topic is gone, or is another one.
            LogAway: the log does not answer.
        """
        found = self._log.topic_ids(self._topics)
        for topic in self._topics:
            if topic not in found:
                raise PositionLost(
                    f"Expected topic {topic} to exist, but it does not: it was deleted. What it held is lost: give the "
                    "namespace up, or "
                    "restore the topics from a backup; a topic that is merely made anew is refused"
                )
            expected = self._recorded.setdefault(topic, found[topic])
            if found[topic] != expected:
                raise PositionLost(
                    f"Expected topic {topic} with id {expected}, but it has id {found[topic]}: it was deleted and made "
                    "anew, and every "
                    "position in it is void. Give the namespace up and make a new one (another HEADRACE_NAMESPACE)"
                )
