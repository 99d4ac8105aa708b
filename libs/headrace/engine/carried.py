"""What a retried run takes over from the run before it: ends of steps, in the order in which that run saw them.

A step of the new run that asks for the same as one of the former run is ended at once with what that one has. The same
is the same fingerprint and the same input; of several, the first that is left. So it does not matter in which order
branches that run side by side come to ask, and a changed input reaches what depends on it, and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from headrace.engine.kernel.outcomes import SUCCEEDED, Outcome

RECEIVED = "received"
"""The kind under which signals stand that the former run got: `received NAME`."""
_RECEIVED = f"{RECEIVED} "


class CarriedEnd(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The success of a step of the former run. `digest` stands for its input; empty where it has none."""

    order: int
    fingerprint: str
    digest: bytes
    data: bytes
    content_type: str

    @property
    def outcome(self) -> Outcome:
        """The end as a program sees it."""
        return Outcome(SUCCEEDED, self.data, self.content_type)


class FormerChild(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A child of the former run, by what it was asked for with: a child that asks for the same goes by its id."""

    fingerprint: str
    digest: bytes
    child_id: str


class Carried:
    """Ends by their order in the former run; they are taken away one by one.

    `versions` are the ways that the former run went (`ctx.version`), by name; `children` its children, in their order.
    """

    __slots__ = (
        "_by_digest",
        "_by_fingerprint",
        "_child_ids",
        "_children",
        "_signals",
        "children",
        "ends",
        "from_run",
        "versions",
    )

    def __init__(
        self,
        from_run: str,
        ends: Iterable[CarriedEnd],
        versions: Mapping[str, int],
        children: Sequence[FormerChild] = (),
    ) -> None:
        self.from_run = from_run
        self.ends = {end.order: end for end in ends}
        self.versions = dict(versions)
        self.children = list(children)
        self._children: dict[tuple[str, bytes], list[str]] = {}
        for child in self.children:
            self._children.setdefault((child.fingerprint, child.digest), []).append(child.child_id)
        self._child_ids = frozenset(child.child_id for child in self.children)
        # Indexes: orders that were taken away are passed over when they come to the front.
        self._by_fingerprint: dict[str, deque[int]] = {}
        self._by_digest: dict[tuple[str, bytes], deque[int]] = {}
        self._signals: deque[int] = deque()
        for order, end in self.ends.items():
            if end.fingerprint.startswith(_RECEIVED):
                self._signals.append(order)
                continue
            self._by_fingerprint.setdefault(end.fingerprint, deque()).append(order)
            if end.digest:
                self._by_digest.setdefault((end.fingerprint, end.digest), deque()).append(order)

    def find(self, fingerprint: str, digest: bytes = b"") -> CarriedEnd | None:
        """Return the first end of a step, with an input where `digest` is given; None when none is left."""
        orders = self._by_digest.get((fingerprint, digest)) if digest else self._by_fingerprint.get(fingerprint)
        return self._first(orders)

    def next_signal(self) -> CarriedEnd | None:
        """Return the first signal that is left."""
        return self._first(self._signals)

    def child(self, fingerprint: str, digest: bytes, passed: int) -> str:
        """Return the id that a child had in the former run, after `passed` ones like it; empty where there was none."""
        ids = self._children.get((fingerprint, digest), ())
        return ids[passed] if passed < len(ids) else ""

    def had_child(self, child_id: str) -> bool:
        """Tell whether a workflow was a child of the former run."""
        return child_id in self._child_ids

    def value(self, fingerprint: str, passed: int) -> Outcome | None:
        """Return what a step had that ends at once, of those that are left after `passed` ones."""
        for order in self._by_fingerprint.get(fingerprint, ()):
            if order in self.ends:
                if not passed:
                    return self.ends[order].outcome
                passed -= 1
        return None

    def take(self, order: int) -> None:
        """Take an end away."""
        self.ends.pop(order, None)

    def take_value(self, fingerprint: str) -> None:
        """Take the first value of a step away that ends at once, if there is one."""
        found = self.find(fingerprint)
        if found is not None:
            del self.ends[found.order]

    def _first(self, orders: deque[int] | None) -> CarriedEnd | None:
        while orders:
            found = self.ends.get(orders[0])
            if found is not None:
                return found
            orders.popleft()
        return None

    def __len__(self) -> int:
        return len(self.ends)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Carried):
            return NotImplemented
        mine = (self.from_run, self.ends, self.versions, self.children)
        return mine == (other.from_run, other.ends, other.versions, other.children)

    __hash__ = None  # type: ignore[assignment]
