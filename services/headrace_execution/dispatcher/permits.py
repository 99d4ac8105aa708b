"""Who holds permits of which limit: taken with an assignment, given back where its slot goes. `evolve` does both."""

from __future__ import annotations

from heapq import heappop, heappush

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.lanes import Gates
from headrace_execution.dispatcher.limits import Limit
from headrace_execution.dispatcher.queues import Closed
from headrace_execution.dispatcher.rules import QUEUE, LimitKey
from headrace_execution.dispatcher.state import DispatcherState


def limits_of(state: DispatcherState, task: TaskScheduled) -> Gates:
    """Return all limits that a task counts against; its queue's last."""
    if not state.limits:
        return ()
    queue = (task.queue, QUEUE, "")
    named = () if task.rules is None else tuple((task.queue, each.scope, each.name) for each in task.rules.limits)
    return (*named, queue) if queue in state.limits else named


def declare(state: DispatcherState, task: TaskScheduled, at: int) -> None:
    """Take an open attempt's limits in: what the newest one says of a limit holds for all."""
    for each in () if task.rules is None else task.rules.limits:
        key = (task.queue, each.scope, each.name)
        limit = state.limits.get(key)
        if limit is None:
            limit = state.limits[key] = Limit(key=key, level_at=at)
            state.ledger.limits.made(key)
        if limit.declare(each.at_once, each.per_period, each.period_ms, at):
            state.ledger.limits.touched(key)
            _maybe_open(state, key)
        limit.named += 1


def undeclare(state: DispatcherState, task: TaskScheduled) -> None:
    """Note that an attempt is open no more."""
    for each in () if task.rules is None else task.rules.limits:
        limit = state.limits.get((task.queue, each.scope, each.name))
        if limit is not None:
            limit.named -= 1
            settle(state, limit)


def take(state: DispatcherState, assignment: int, task: TaskScheduled, at: int) -> None:
    """Give an assignment its permits."""
    for key in limits_of(state, task):
        limit = state.limits[key]
        limit.take(assignment, at)
        if limit.per_period:
            state.ledger.limits.touched(key)


def name(state: DispatcherState, task: TaskScheduled) -> None:
    """Count an open attempt that comes out of a snapshot, as its limits do."""
    for each in () if task.rules is None else task.rules.limits:
        state.limits[task.queue, each.scope, each.name].named += 1


def hold(state: DispatcherState, assignment: int, task: TaskScheduled) -> None:
    """Count an assignment that comes out of a snapshot among the holders."""
    for key in limits_of(state, task):
        state.limits[key].holders[assignment] = None


def give_back(state: DispatcherState, assignment: int, task: TaskScheduled) -> None:
    """Take an assignment's permits back; those that came back before are no matter."""
    for key in limits_of(state, task):
        limit = state.limits.get(key)
        if limit is not None and assignment in limit.holders:
            del limit.holders[assignment]
            _maybe_open(state, key)
            settle(state, limit)


def settle(state: DispatcherState, limit: Limit) -> None:
    """Forget a limit that nobody names: at once, or when its bucket is full again."""
    if limit.named or limit.holders or limit.key[1] == QUEUE:
        return
    if limit.per_period:
        heappush(state.live.filling, (limit.full_at(), limit.key))
    else:
        _forget(state, limit.key)


def forget_full(state: DispatcherState, at: int) -> None:
    """Forget the limits that nobody names and whose buckets are full by now."""
    filling = state.live.filling
    while filling and filling[0][0] <= at:
        _, key = heappop(filling)
        limit = state.limits.get(key)
        if limit is not None and not limit.named and not limit.holders and limit.full_at() <= at:
            _forget(state, key)


def gatekeeper(state: DispatcherState, now_ms: int) -> Closed:
    """Return what tells the first limit that is reached. Who waits for a token is woken when there is one."""
    limits, live = state.limits, state.live

    def closed(gates: Gates) -> LimitKey | None:
        for gate in gates:
            limit = limits.get(gate)
            if limit is None or limit.open(now_ms):
                continue
            due = limit.next_token_at()
            if due > now_ms and live.refilling.get(gate) != due:
                live.refilling[gate] = due
                heappush(live.refills, (due, gate))
            return gate
        return None

    return closed


def refill(state: DispatcherState, now_ms: int) -> None:
    """Look again at the limits that have a token by now."""
    refills = state.live.refills
    while refills and refills[0][0] <= now_ms:
        due, gate = heappop(refills)
        if state.live.refilling.get(gate) == due:
            del state.live.refilling[gate]
            _maybe_open(state, gate)


def _forget(state: DispatcherState, key: LimitKey) -> None:
    del state.limits[key]
    state.live.refilling.pop(key, None)
    state.ledger.limits.touched(key)
    _maybe_open(state, key)


def _maybe_open(state: DispatcherState, key: LimitKey) -> None:
    state.queues.opened(key)
    if key[0] in state.queues.shapes:
        state.live.dirty[key[0]] = None
