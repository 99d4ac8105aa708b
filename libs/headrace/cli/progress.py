"""A progress bar of tasks done, on a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Seen = Callable[[Mapping[str, Any]], None]
_OPEN = frozenset({"WAITING", "SCHEDULED", "UNSERVED", "RUNNING"})


def tasks_done(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many tasks of a workflow are done, and how many there are so far."""
    counts: Mapping[str, int] = answer.get("tasks") or {}
    total = sum(counts.values())
    return total - sum(count for status, count in counts.items() if status in _OPEN), total


@contextmanager
def progress(title: str) -> Iterator[Seen | None]:
    """Show a bar while the block runs; call what it yields, if anything, with each answer about the workflow."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:  # rich comes with the extra `cli`
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tasks"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(title, total=None, note="")

        def seen(answer: Mapping[str, Any]) -> None:
            done, total = tasks_done(answer)
            unserved = (answer.get("tasks") or {}).get("UNSERVED", 0)
            note = f"{unserved} wait for a worker that offers them" if unserved else ""
            bar.update(task, completed=done, total=total or None, note=note)

        yield seen
