"""The event that a listener's function gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any


class Event(Mapping[str, Any]):
    """One public event: a read-only mapping, whose items are attributes, too (`event.queue`, `event["queue"]`).

    Always there: `type` (`"TaskFailed"`), `id` (the same whenever this event is delivered again), `at` (ms since the
    epoch), `key` (the workflow id, resource or worker that it is about) and `data` (the event's own fields, as its
    schema names them). The fields of `data` stand beside them: `event.workflow_id`, `event.error`. Payloads (`input`,
    `output`) are JSON values where they are JSON, else bytes. A `TaskAssigned` has the fields of its task as its own.
    """

    __slots__ = ("_items",)

    def __init__(self, *, type: str, id: str, at: int, key: str, data: Mapping[str, Any]) -> None:
        own = {"type": type, "id": id, "at": at, "key": key, "data": MappingProxyType(dict(data))}
        self._items: Mapping[str, Any] = {**data, **own}

    def __getitem__(self, name: str) -> Any:
        """Return an item; KeyError where the event has none of this name."""
        return self._items[name]

    def __getattr__(self, name: str) -> Any:
        """Return an item as an attribute.

        Raises:
            AttributeError: the event has none of this name; the text lists what it has.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._items[name]
        except KeyError:
            known = ", ".join(sorted(self._items))
            raise AttributeError(f"Expected a field of {self._items['type']} ({known}), but found {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the items."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def __repr__(self) -> str:
        """Return what tells events apart in a log."""
        return f"Event({self._items['type']}, key={self._items['key']!r}, id={self._items['id']!r})"
