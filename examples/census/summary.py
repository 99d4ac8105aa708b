"""Many parts become one census: figures add up, top lists merge, the rest is told by package. Pure."""

from __future__ import annotations

from typing import TypedDict

from examples.census.figures import (
    Function,
    Measures,
    Unparsable,
    empty_measures,
    longest,
)


class MeasuredPart(TypedDict):
    """A part's figures, and when its measuring ran; times in ms since the epoch."""

    part: int
    parts: int
    measures: Measures
    started_at: int
    ended_at: int


class Package(TypedDict):
    """One row of the report's table."""

    name: str
    parts: int
    files: int
    lines: int
    functions: int
    classes: int
    documentable: int
    documented: int
    unparsable: int


class Summary(TypedDict):
    """The census. `spans` are the (start, end) of every measuring, in ms since the first began."""

    total: Measures
    packages: list[Package]
    longest: list[Function]
    reasons: list[Unparsable]
    spans: list[tuple[int, int]]


def summarise_parts(root: str, parts: list[MeasuredPart]) -> Summary:
    """Return the census of a folder from its parts, packages with the most lines first.

    Raises:
        ValueError: there are no parts: a census of nothing is a wrong root.
    """
    if not parts:
        raise ValueError(f"Expected Python sources under {root}, but found none")
    total = empty_measures(root)
    packages: dict[str, Measures] = {}
    counts: dict[str, int] = {}
    for part in parts:
        name = part["measures"]["package"]
        counts[name] = part["parts"]
        _add(total, part["measures"])
        _add(packages.setdefault(name, empty_measures(name)), part["measures"])
    began = min(part["started_at"] for part in parts)
    return Summary(
        total=total,
        packages=sorted(
            (_package(name, counts[name], m) for name, m in packages.items()),
            key=lambda p: (-p["lines"], p["name"]),
        ),
        longest=total["longest"],
        reasons=total["reasons"],
        spans=sorted((part["started_at"] - began, part["ended_at"] - began) for part in parts),
    )


def peak(spans: list[tuple[int, int]]) -> int:
    """Return how many spans ran at the same moment at most; one that ends when another begins does not overlap it."""
    steps = sorted(
        [(start, 1) for start, end in spans if end > start] + [(end, -1) for start, end in spans if end > start]
    )
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


def _add(total: Measures, more: Measures) -> None:
    total["files"] += more["files"]
    total["lines"] += more["lines"]
    total["size_bytes"] += more["size_bytes"]
    total["functions"] += more["functions"]
    total["async_functions"] += more["async_functions"]
    total["classes"] += more["classes"]
    total["documentable"] += more["documentable"]
    total["documented"] += more["documented"]
    total["unparsable"] += more["unparsable"]
    total["length_counts"] = [a + b for a, b in zip(total["length_counts"], more["length_counts"], strict=True)]
    total["longest"] = longest(total["longest"] + more["longest"])
    total["reasons"] = total["reasons"] + more["reasons"]


def _package(name: str, parts: int, measures: Measures) -> Package:
    return Package(
        name=name,
        parts=parts,
        files=measures["files"],
        lines=measures["lines"],
        functions=measures["functions"],
        classes=measures["classes"],
        documentable=measures["documentable"],
        documented=measures["documented"],
        unparsable=measures["unparsable"],
    )
