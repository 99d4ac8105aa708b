"""The census' tasks, as workers run them: thin shells around the pure modules beside this one."""

from __future__ import annotations

import sysconfig
import time
from pathlib import Path
from typing import Any

from examples.census.figures import measure_part
from examples.census.report import render, unfinished, write
from examples.census.sources import Part, share_out, source_files
from examples.census.summary import MeasuredPart, Summary, summarise_parts
from headrace import current, task

QUEUE = "census"


@task(queue=QUEUE)
def list_sources(root: str = "") -> dict[str, Any]:
    """Return the folder to count (the standard library when none is given) and its files, shared out into parts."""
    folder = Path(root or sysconfig.get_path("stdlib"))
    return {"root": str(folder), "parts": share_out(list(source_files(folder)))}


@task(queue=QUEUE)
def measure(root: str, part: Part) -> MeasuredPart:
    """Return the figures of one part."""
    started_at = _now_ms()
    measures = measure_part(Path(root), part, progress=lambda done: current().heartbeat({"files": done}))
    current().record_io(rows=measures["lines"], bytes=measures["size_bytes"], dataset="stdlib")
    return MeasuredPart(
        part=part["part"],
        parts=part["parts"],
        measures=measures,
        started_at=started_at,
        ended_at=_now_ms(),
    )


@task(queue=QUEUE)
def summarise(root: str, parts: list[MeasuredPart]) -> Summary:
    """Return the census from all parts."""
    return summarise_parts(root, parts)


@task(queue=QUEUE)
def report(summary: Summary, path: str, workflow: str) -> dict[str, Any]:
    """Write the HTML report, whole or not at all, and return the figures that the workflow answers."""
    written = write(Path(path), render(summary, workflow))
    total = summary["total"]
    return {
        "files": total["files"],
        "lines": total["lines"],
        "functions": total["functions"],
        "classes": total["classes"],
        "unparsable": total["unparsable"],
        "report": str(written),
    }


@task(queue=QUEUE)
def tidy_up(path: str) -> bool:
    """Remove a report that was cut off in the middle; tell whether there was one."""
    leftover = unfinished(Path(path))
    existed = leftover.exists()
    leftover.unlink(missing_ok=True)
    return existed


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
