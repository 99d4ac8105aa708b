"""Results of attempts that this worker has run: one that comes again is answered, not run again.

That happens to a worker that was believed lost and went on: it may be given its own attempt anew. Only successes are
kept, since the failure of a lost assignment does not count, and only as many bytes of them as a setting allows.
"""

from __future__ import annotations

from collections import OrderedDict

from headrace.authoring.task_calls import Succeeded
from headrace.contracts.task_events import TaskScheduled

# What an entry takes beside its output, and an account of a dataset.
_ENTRY_BYTES = 300

AttemptKey = tuple[str, int, int, int]


class Remembered:
    """The last successes, at most `limit_bytes` of them. One thread at a time may keep; any may look."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        # A plain dict looks over all that was deleted to find its first entry.
        self._results: OrderedDict[AttemptKey, Succeeded] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def keep(self, task: TaskScheduled, result: Succeeded) -> None:
        """Remember a result; the oldest are forgotten to make room."""
        key = _key(task)
        before = self._results.pop(key, None)
        if before is not None:
            self._bytes -= _size(before)
        self._results[key] = result
        self._bytes += _size(result)
        while self._bytes > self._limit_bytes:
            _, oldest = self._results.popitem(last=False)
            self._bytes -= _size(oldest)

    def result_of(self, task: TaskScheduled) -> Succeeded | None:
        """Return the result of an attempt that was run here; None where there is none, or none any more."""
        return self._results.get(_key(task))


def _size(result: Succeeded) -> int:
    accounts = 0 if result.io is None else len(result.io.datasets) * _ENTRY_BYTES
    return len(result.output) + accounts + _ENTRY_BYTES


def _key(task: TaskScheduled) -> AttemptKey:
    """A newer lease is another run of the attempt: what the older one did was perhaps not protected to its end."""
    return (task.run_id, task.step, task.attempt, task.fencing_token)
