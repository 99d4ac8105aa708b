"""What waits, so that the first that can run is found without looking at the others.

    queue -> shape   what the same workers can take under the same limits of its name (`rules.ShapeKey`): few
          -> flow    priority and fairness key: who takes turns
          -> lane    concurrency key: what waits for the same permits
          -> attempts, the first that came first

Every level is a heap over the level below. What an entry says is a lower bound: things only fall back (a turn is taken,
a head leaves), and who comes forward is entered anew. So the top is compared with what is so now, entered again where
that is later, and dropped where nothing is left of it: each step is paid for by the change that made it necessary.

A lane whose key has no permit left is *parked*: it leaves the heap of its flow and waits, in turn, in one heap per
limit. Once the limit opens, the limit is *ajar*: the best lane of that heap competes with those that are ready.

Where an entry stands depends on who asked for heads, and a replay does not ask. What comes out as head does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace

from headrace_execution.dispatcher.fairness import Turn
from headrace_execution.dispatcher.lanes import Attempt, Flow, Gates, Key, Lane, Order
from headrace_execution.dispatcher.rules import FlowKey, LimitKey, ShapeKey, flow_of, gates_of, shape_of

Closed = Callable[[Gates], LimitKey | None]
"""Tells the first limit that is reached."""


class Shape:
    """What waits for the same workers: `served` by some worker, or `unserved`, as the journal has told."""

    __slots__ = ("_flows", "_heap", "_parked", "_shut", "ajar", "key", "served", "unserved")

    def __init__(self, key: ShapeKey, shut: dict[LimitKey, dict[ShapeKey, None]]) -> None:
        self.key = key
        self.served: dict[Key, Attempt] = {}
        self.unserved: dict[Key, Attempt] = {}
        self.ajar: dict[LimitKey, None] = {}
        self._flows: dict[FlowKey, Flow] = {}
        self._heap: list[tuple[Order, FlowKey]] = []
        self._parked: dict[LimitKey, list[tuple[Order, FlowKey, Gates]]] = {}
        self._shut = shut

    def __len__(self) -> int:
        return len(self.served) + len(self.unserved)

    def put(self, attempt: Attempt, turn: Turn) -> None:
        """Let an attempt wait."""
        (self.unserved if attempt.unserved else self.served)[attempt.key] = attempt
        if attempt.alone:
            return
        name, gates = flow_of(attempt.task), gates_of(attempt.task)
        flow = self._flows.get(name)
        if flow is None:
            flow = self._flows[name] = Flow(name, turn)
        lane = flow.lanes.get(gates)
        if lane is None:
            lane = flow.lanes[gates] = Lane(gates)
        lane.count += 1
        first = not lane.heap or attempt.arrival < lane.heap[0][0]
        heappush(lane.heap, (attempt.arrival, attempt.key))
        if first:
            self._enter(flow, lane, attempt.arrival)

    def remove(self, attempt: Attempt) -> None:
        """Take an attempt out, if it is there."""
        found = (self.unserved if attempt.unserved else self.served).pop(attempt.key, None)
        if found is None or attempt.alone:
            return
        name, gates = flow_of(attempt.task), gates_of(attempt.task)
        flow = self._flows[name]
        lane = flow.lanes[gates]
        lane.count -= 1
        if lane.count:
            self._tidy(lane)
            return
        del flow.lanes[gates]
        if not flow.lanes:
            del self._flows[name]
        elif len(flow.heap) > 64 and len(flow.heap) > 4 * len(flow.lanes):
            flow.heap = [(each.heap[0][0], each.gates) for each in flow.lanes.values() if each.parked is None]
            heapify(flow.heap)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._flows):
            self._heap = [(each.order(each.heap[0][0]), each.key) for each in self._flows.values() if each.heap]
            heapify(self._heap)

    def tell(self, attempt: Attempt, *, unserved: bool) -> None:
        """Note that the journal tells whether somebody could run the attempt."""
        (self.unserved if attempt.unserved else self.served).pop(attempt.key, None)
        attempt.unserved = unserved
        (self.unserved if unserved else self.served)[attempt.key] = attempt

    def head(self, closed: Closed) -> tuple[Order, Attempt] | None:
        """Return the first attempt that its limits let begin, with its place; None when there is none."""
        if closed(self.key[3]) is not None:
            return None
        for gate in [gate for gate in self.ajar if closed((gate,)) is not None]:
            del self.ajar[gate]
            self._shut.setdefault(gate, {})[self.key] = None
        while True:
            first = self._ready(closed)
            if not self.ajar or not self._unpark(None if first is None else first[0]):
                return first

    def _ready(self, closed: Closed) -> tuple[Order, Attempt] | None:
        """Return the first of what is not parked."""
        while self._heap:
            entered, name = self._heap[0]
            flow = self._flows.get(name)
            attempt = None if flow is None else self._first(flow, closed)
            if flow is None or attempt is None:
                heappop(self._heap)
                continue
            order = flow.order(attempt.arrival)
            if order == entered:
                return order, attempt
            heapreplace(self._heap, (order, name))
        return None

    def _first(self, flow: Flow, closed: Closed) -> Attempt | None:
        """Return the first attempt of a flow; lanes that turn out to be without a permit are parked."""
        while flow.heap:
            arrival, gates = flow.heap[0]
            lane = flow.lanes.get(gates)
            if lane is None or lane.parked is not None:
                heappop(flow.heap)
                continue
            attempt = self._head(lane)
            if attempt.arrival != arrival:
                heapreplace(flow.heap, (attempt.arrival, gates))
                continue
            shut = closed(gates) if gates else None
            if shut is None:
                return attempt
            heappop(flow.heap)
            self._park(flow, lane, attempt.arrival, shut)
        return None

    def _head(self, lane: Lane) -> Attempt:
        """Return the first attempt of a lane; there is one, since an empty lane is dropped."""
        while True:
            arrival, key = lane.heap[0]
            attempt = self.served.get(key) or self.unserved.get(key)
            if attempt is not None and attempt.arrival == arrival and not attempt.alone:
                return attempt
            heappop(lane.heap)

    def _enter(self, flow: Flow, lane: Lane, arrival: int) -> None:
        """Enter a lane's new head where the lane stands."""
        if lane.parked is not None:
            heappush(self._parked[lane.parked], (flow.order(arrival), flow.key, lane.gates))
            return
        heappush(flow.heap, (arrival, lane.gates))
        if flow.heap[0] == (arrival, lane.gates):
            heappush(self._heap, (flow.order(arrival), flow.key))

    def _park(self, flow: Flow, lane: Lane, arrival: int, gate: LimitKey) -> None:
        lane.parked = gate
        heap = self._parked.setdefault(gate, [])
        heappush(heap, (flow.order(arrival), flow.key, lane.gates))
        if gate not in self.ajar:
            self._shut.setdefault(gate, {})[self.key] = None
        if len(heap) > 64 and len(heap) > 4 * len(self._flows):
            heap[:] = {entry[1:]: entry for entry in heap if self._stands(gate, *entry[1:]) is not None}.values()
            heapify(heap)

    def _stands(self, gate: LimitKey, name: FlowKey, gates: Gates) -> Lane | None:
        flow = self._flows.get(name)
        lane = None if flow is None else flow.lanes.get(gates)
        return lane if lane is not None and lane.parked == gate else None

    def _unpark(self, best: Order | None) -> bool:
        """Make a lane ready that stands before `best` and whose limit is ajar; tell whether there was one."""
        for gate in list(self.ajar):
            heap = self._parked.get(gate, [])
            while heap:
                entered, name, gates = heap[0]
                lane = self._stands(gate, name, gates)
                if lane is None:
                    heappop(heap)
                    continue
                flow, arrival = self._flows[name], self._head(lane).arrival
                order = flow.order(arrival)
                if order != entered:
                    heapreplace(heap, (order, name, gates))
                    continue
                if best is not None and best < order:
                    break
                heappop(heap)
                lane.parked = None
                self._enter(flow, lane, arrival)
                return True
            if not heap:
                del self.ajar[gate]
                self._parked.pop(gate, None)
        return False

    def _tidy(self, lane: Lane) -> None:
        if len(lane.heap) > 64 and len(lane.heap) > 2 * lane.count:
            lane.heap = list({entry for entry in lane.heap if entry[1] in self.served or entry[1] in self.unserved})
            heapify(lane.heap)


class Queues:
    """All shapes, by queue; empty ones are dropped."""

    __slots__ = ("_shut", "shapes", "waiting")

    def __init__(self) -> None:
        self.shapes: dict[str, dict[ShapeKey, Shape]] = {}
        self.waiting: dict[str, int] = {}
        """How many attempts wait, by queue."""
        self._shut: dict[LimitKey, dict[ShapeKey, None]] = {}
        """Limits that are reached, with the shapes where lanes are parked at them."""

    def put(self, attempt: Attempt, turn: Turn) -> None:
        """Let an attempt wait."""
        shapes = self.shapes.setdefault(attempt.task.queue, {})
        key = shape_of(attempt.task, attempt.side)
        shape = shapes.get(key)
        if shape is None:
            shape = shapes[key] = Shape(key, self._shut)
        shape.put(attempt, turn)
        self.waiting[attempt.task.queue] = self.waiting.get(attempt.task.queue, 0) + 1

    def remove(self, attempt: Attempt) -> None:
        """Take an attempt out, if it waits."""
        shape = self.shape(attempt)
        if shape is None:
            return
        queue, before = attempt.task.queue, len(shape)
        shape.remove(attempt)
        self.waiting[queue] -= before - len(shape)
        if not len(shape):
            del self.shapes[queue][shape.key]
            if not self.shapes[queue]:
                del self.shapes[queue], self.waiting[queue]

    def shape(self, attempt: Attempt) -> Shape | None:
        """Return where an attempt waits; None when nothing like it does."""
        return self.shapes.get(attempt.task.queue, {}).get(shape_of(attempt.task, attempt.side))

    def of_task(self, queue: str, task: str) -> Iterator[Shape]:
        """Yield what waits for a task of a queue."""
        for key, shape in sorted(self.shapes.get(queue, {}).items()):
            if key[0] == task:
                yield shape

    def opened(self, gate: LimitKey) -> None:
        """Note that a limit that was reached may not be so any more."""
        shapes = self.shapes.get(gate[0], {})
        for key in self._shut.pop(gate, ()):
            if key in shapes:
                shapes[key].ajar[gate] = None
