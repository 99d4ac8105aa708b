"""A batch: many events folded into few row changes, before anything is written.

A whole short workflow is often one row per task here, however many events it took. The order of events within a
partition is kept; between partitions there is none to keep.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from headrace_status.fold.changes import Append, Change, CloseTasks, Delete, Key, Put
from headrace_status.fold.payload import merged_objects
from headrace_status.model.columns import BY_NAME


class Batch:
    """Row changes that belong into one transaction."""

    def __init__(self) -> None:
        self.puts: dict[str, dict[Key, dict[str, Any]]] = {}
        self.deletes: dict[str, dict[Key, None]] = {}
        self.appends: dict[str, list[tuple[Any, ...]]] = {}
        self.closes: dict[tuple[str, str, int], CloseTasks] = {}

    def add(self, change: Change) -> None:
        """Fold one change into the batch."""
        if isinstance(change, Put):
            self._put(change)
        elif isinstance(change, Append):
            self.appends.setdefault(change.table, []).append(change.row)
        elif isinstance(change, Delete):
            self._delete(change.table, change.key)
        else:
            self.closes.setdefault((change.workflow_id, change.run_id, change.step), change)

    def rows(self) -> int:
        """Return how many rows the batch writes or removes."""
        groups: list[Sized] = [*self.puts.values(), *self.deletes.values(), *self.appends.values(), self.closes]
        return sum(map(len, groups))

    def _put(self, change: Put) -> None:
        rows = self.puts.get(change.table)
        if rows is None:
            rows = self.puts[change.table] = {}
        row = rows.get(change.key)
        values = change.values
        if row is None:
            rows[change.key] = dict(values)
            return
        table = BY_NAME[change.table]
        guard = table.guard
        if guard and row.get(guard) != values.get(guard):
            return  # a refusal, or an event of another run: the row that stands is not its own
        if None in values.values():
            values = {name: value for name, value in values.items() if value is not None}
        for name in table.objects:
            if name in values and row.get(name) is not None:
                values = {**values, name: merged_objects(row[name], values[name])}
        row.update(values)

    def _delete(self, table: str, key: Key) -> None:
        rows = self.puts.get(table)
        made_here = rows is not None and rows.pop(key, None) is not None
        if not (made_here and BY_NAME[table].put_once):
            self.deletes.setdefault(table, {})[key] = None
