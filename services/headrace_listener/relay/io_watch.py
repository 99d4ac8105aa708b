"""Whether a run read or wrote much more or less than usual: pure, fed with events in the order in which they go out.

While a run is open, what its successful attempts said (`TaskIo`) is summed by node and dataset. When the run succeeds,
each sum is compared with those of the last runs of the same definition, and one outside of the usual range becomes an
`IoOutOfRange`; then it joins them, usual or not, so that a lasting change is told a few times and then is the usual.
A failed attempt's account is left out, or every retry would be an alarm, and so is a run that did not succeed.

The state (`IoRun` while a run is open, `IoRange` for what is usual) goes out with the relay's positions, in the
transaction that the events are in: so every life of the relay concludes the same from the same events.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from headrace.contracts.io_accounts import IoOutOfRange, IoRange, IoRun, IoSum
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskSucceeded
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.runtime.listener_settings import ListenerSettings

_MOST = 2**63 - 1
_MEASURES = ("rows", "bytes")
_ENDED: tuple[type[Message], ...] = (WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut)


class Usual(NamedTuple):
    """The usual range of a run's sum, its ends included."""

    low: int
    high: int
    mean: int


def usual_range(values: Sequence[int], limits: ListenerSettings) -> Usual | None:
    """Return the usual range after runs with these sums; None where they are too few to tell."""
    if len(values) < limits.io_runs_needed:
        return None
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    margin = max(deviation * limits.io_deviations, mean * limits.io_margin_percent / 100)
    return Usual(max(math.floor(mean - margin), 0), min(math.ceil(mean + margin), _MOST), min(round(mean), _MOST))


class IoWatch:
    """What open runs have read and written, and what is usual."""

    def __init__(self, limits: ListenerSettings, state: Iterable[Message] = ()) -> None:
        """Begin with the state of an earlier life, in the order in which it was written."""
        self._limits = limits
        self._runs: dict[bytes, IoRun] = {}
        self._ranges: dict[bytes, IoRange] = {}
        self._changed: dict[bytes, Message | None] = {}
        for message in state:
            if isinstance(message, IoRun):
                self._runs[_run_key(message.workflow_id, message.run_id)] = message
            elif isinstance(message, IoRange):
                self._ranges[_range_key(message.workflow, message.node, message.dataset)] = message

    def take(self, event: Message) -> Iterator[IoOutOfRange]:
        """Take an event that goes out; yield what follows from it."""
        if isinstance(event, TaskSucceeded):
            if event.io is not None:
                self._add(event)
        elif self._runs:
            if isinstance(event, WorkflowSucceeded):
                yield from self._succeeded(event)
            elif isinstance(event, _ENDED):
                self._forget_run(_run_key(event.workflow_id, event.run_id))  # type: ignore[attr-defined]

    def changes(self) -> dict[bytes, Message | None]:
        """Return the state that has changed since the last call, by key; None where it is over."""
        changed, self._changed = self._changed, {}
        return changed

    def _add(self, event: TaskSucceeded) -> None:
        io = event.io
        assert io is not None
        key = _run_key(event.workflow_id, event.run_id)
        run = self._runs.pop(key, None)
        sums = {(known.node, known.dataset): known for known in run.sums} if run else {}
        for account in io.datasets:
            where = (event.node, account.dataset)
            known = sums.get(where)
            if known is None and len(sums) >= self._limits.io_sums:
                continue
            rows, size = (known.rows, known.bytes) if known else (0, 0)
            sums[where] = IoSum(
                node=event.node,
                dataset=account.dataset,
                rows=min(rows + account.rows, _MOST),
                bytes=min(size + account.bytes, _MOST),
            )
        self._runs[key] = run = IoRun(
            workflow_id=event.workflow_id,
            run_id=event.run_id,
            workflow=io.workflow,
            version=io.version,
            sums=list(sums.values()),
        )
        self._note(key, run)
        _bound(self._runs, self._limits.io_open_runs, self._forget_run)

    def _succeeded(self, event: WorkflowSucceeded) -> Iterator[IoOutOfRange]:
        key = _run_key(event.workflow_id, event.run_id)
        run = self._runs.get(key)
        if run is None:
            return
        self._forget_run(key)
        for found in run.sums:
            yield from self._compared(run, found, event.at)

    def _compared(self, run: IoRun, found: IoSum, at: int) -> Iterator[IoOutOfRange]:
        key = _range_key(run.workflow, found.node, found.dataset)
        known = self._ranges.pop(key, None)
        kept: dict[str, list[int]] = {}
        for measure in _MEASURES:
            before: list[int] = getattr(known, measure) if known else []
            value: int = getattr(found, measure)
            usual = usual_range(before, self._limits)
            if usual is not None and not usual.low <= value <= usual.high:
                yield IoOutOfRange(
                    workflow_id=run.workflow_id,
                    run_id=run.run_id,
                    workflow=run.workflow,
                    version=run.version,
                    node=found.node,
                    dataset=found.dataset,
                    measure=measure,
                    value=value,
                    runs=len(before),
                    at=at,
                    **usual._asdict(),
                )
            kept[measure] = [*before, value][-self._limits.io_runs :]
        self._ranges[key] = usual_now = IoRange(
            workflow=run.workflow, node=found.node, dataset=found.dataset, rows=kept["rows"], bytes=kept["bytes"]
        )
        self._note(key, usual_now)
        _bound(self._ranges, self._limits.io_ranges, self._forget_range)

    def _note(self, key: bytes, message: Message | None) -> None:
        """Note a change behind all others: their order tells the next life what was changed longest ago."""
        self._changed.pop(key, None)
        self._changed[key] = message

    def _forget_run(self, key: bytes) -> None:
        if self._runs.pop(key, None) is not None:
            self._note(key, None)

    def _forget_range(self, key: bytes) -> None:
        if self._ranges.pop(key, None) is not None:
            self._note(key, None)


def _run_key(workflow_id: str, run_id: str) -> bytes:
    return msgspec.json.encode(["io-run", workflow_id, run_id])


def _range_key(workflow: str, node: str, dataset: str) -> bytes:
    return msgspec.json.encode(["io-range", workflow, node, dataset])


def _bound(kept: dict[bytes, Any], limit: int, forget: Callable[[bytes], None]) -> None:
    """Forget what was changed longest ago, so that at most `limit` are kept."""
    while len(kept) > limit:
        forget(next(iter(kept)))
