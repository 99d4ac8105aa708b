"""Where we stand: our figures beside what is to be reached and what other systems do, as a table for the README.

    python -m benchmarks.standing LINES.jsonl...

The lines are the benchmarks' output; of several for one cell the last one counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compare import NotComparable, read_lines
from benchmarks.figures import SERVERS_AND_CLIENT
from benchmarks.plan import DURABILITIES, PROGRAMS

Line = Mapping[str, Any]
_UNKNOWN = "-"


Figure = Callable[[Line], float | None]


def _of(name: str) -> Figure:
    return lambda line: line.get(name)


def _cpu_without(*left_out: str) -> Figure:
    return lambda line: sum(used for name, used in line["cpu_ms_per_workflow"].items() if name not in left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: where it comes from, what is to be reached, and Restate's, DBOS' and Temporal's (None: not known)."""

    title: str
    workload: str
    count: int | None = None
    figure: Figure
    digits: int
    floor: float | None = None
    aim: float | None = None
    others: tuple[float | None, float | None, float | None] = (None, None, None)
    less_is_better: bool = True


ROWS = (
    Row(
        title="throughput, 3-step workflows per second",
        workload="throughput",
        figure=_of("workflows_per_second"),
        digits=0,
        floor=1500,
        aim=4000,
        others=(736, 133, 27),
        less_is_better=False,
    ),
    Row(
        title="`ratio_to_raw`",
        workload="throughput",
        figure=_of("ratio_to_raw"),
        digits=2,
        floor=0.15,
        aim=0.4,
        less_is_better=False,
    ),
    Row(
        title="CPU per workflow of our processes, ms",
        workload="throughput",
        figure=_cpu_without(*SERVERS_AND_CLIENT),
        digits=2,
        floor=0.9,
        aim=0.4,
    ),
    Row(
        title="CPU per workflow with Kafka and Postgres, ms",
        workload="throughput",
        figure=_cpu_without("client"),
        digits=2,
        others=(2.6, 12.4, 65),
    ),
    Row(
        title="latency p50, 3 steps, ms",
        workload="latency",
        figure=_of("p50_ms"),
        digits=1,
        floor=15,
        aim=6,
        others=(6.0, 9.0, 73),
    ),
    Row(title="latency p99, 3 steps, ms", workload="latency", figure=_of("p99_ms"), digits=1, floor=50, aim=8.5),
    Row(
        title="fan-out of 100, p50, ms",
        workload="fanout",
        figure=_of("p50_ms"),
        digits=0,
        floor=40,
        aim=18,
        others=(19, 280, 787),
    ),
    Row(
        title="recovery of 100,000, s",
        workload="recovery",
        count=100_000,
        figure=_of("recovery_s"),
        digits=1,
        floor=20,
        aim=5,
    ),
    Row(
        title="recovery of 2,000, s",
        workload="recovery",
        count=2_000,
        figure=_of("recovery_s"),
        digits=1,
        others=(9.6, 28, 44),
    ),
    Row(
        title="memory per idle open workflow, bytes",
        workload="recovery",
        count=100_000,
        figure=_of("bytes_per_open_workflow"),
        digits=0,
        floor=2_000,
        aim=700,
    ),
    Row(
        title="projection lag after a minute, s",
        workload="throughput",
        figure=_of("projection_lag_s"),
        digits=1,
        floor=10,
        aim=2,
    ),
    # Not a figure to be proud of, but one to judge the others by.
    Row(
        title="(cores that other work used meanwhile: throughput)",
        workload="throughput",
        figure=_of("cores_used_by_others"),
        digits=2,
    ),
    Row(
        title="(the same: latency)",
        workload="latency",
        figure=_of("cores_used_by_others"),
        digits=2,
    ),
)


def standing(lines: Iterable[Line]) -> str:
    """Return the table. A figure of ours that reaches the floor is bold; one that reaches the aim has a mark, too."""
    known = [line for line in lines if line["durability"] == DURABILITIES[0]]
    heads = ["", *(f"headrace, {program}" for program in PROGRAMS), "floor", "reach for"]
    heads += ["Restate", "DBOS", "Temporal on Postgres"]
    table = [_row(heads), _row(["---"] * len(heads))]
    for row in ROWS:
        ours = [_ours(row, known, program) for program in PROGRAMS]
        others = [row.floor, row.aim, *row.others]
        table.append(_row([row.title, *ours, *(_UNKNOWN if each is None else f"{each:,g}" for each in others)]))
    return "\n".join(table)


def _ours(row: Row, lines: list[Line], program: str) -> str:
    found = [
        line
        for line in lines
        if line["workload"] == row.workload and line["program"] == program and row.count in (None, line["count"])
    ]
    value = row.figure(found[-1]) if found else None
    if value is None:
        return _UNKNOWN
    text = f"{value:,.{row.digits}f}"
    if row.floor is not None and _reaches(row, value, row.floor):
        text = f"**{text}**"
    return f"{text} ✓" if row.aim is not None and _reaches(row, value, row.aim) else text


def _reaches(row: Row, value: float, wanted: float) -> bool:
    return value <= wanted if row.less_is_better else value >= wanted


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table for the files of the command line."""
    try:
        print(standing([line for path in sys.argv[1:] for line in read_lines(Path(path))]))
    except NotComparable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
