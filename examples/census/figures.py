"""What is counted in one file and in one part. Pure but for `measure_part`, which reads the files.

Lines are `len(data.splitlines())` of the file's bytes. A file is unparsable when `ast.parse` of its bytes raises,
whatever it raises; its lines count all the same. Functions are `FunctionDef` and `AsyncFunctionDef` nodes, classes
`ClassDef` nodes, wherever they stand.
"""

from __future__ import annotations

import ast
import threading
import warnings
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from examples.census.sources import Part

# Upper ends of the bins of the histogram of function lengths, in lines; the last bin is open.
LENGTH_BINS = (2, 5, 10, 20, 50, 100, 200)
# Enough for a top list over all parts; an output stays far below the payload limit.
LONGEST_KEPT = 5
REASONS_KEPT = 100
REASON_CHARACTERS = 160

# Warnings are silenced for the whole process, so one thread parses at a time. ast.parse holds the interpreter's lock
# throughout, so that costs nothing.
_parsing = threading.Lock()


class Function(TypedDict):
    """One function: where it begins, and how many lines it has from `def` to its end, decorators left out."""

    name: str
    file: str
    line: int
    lines: int


class Unparsable(TypedDict):
    """A file that does not parse, and why."""

    file: str
    reason: str


class Measures(TypedDict):
    """The figures of one part."""

    package: str
    files: int
    lines: int
    size_bytes: int
    functions: int
    async_functions: int
    classes: int
    documentable: int
    documented: int
    unparsable: int
    length_counts: list[int]
    longest: list[Function]
    reasons: list[Unparsable]


def empty_measures(package: str) -> Measures:
    """Return the figures of nothing."""
    return Measures(
        package=package,
        files=0,
        lines=0,
        size_bytes=0,
        functions=0,
        async_functions=0,
        classes=0,
        documentable=0,
        documented=0,
        unparsable=0,
        length_counts=[0] * (len(LENGTH_BINS) + 1),
        longest=[],
        reasons=[],
    )


def measure_part(root: Path, part: Part, progress: Callable[[int], None] = lambda _done: None) -> Measures:
    """Return the figures of a part; `progress` hears after each file how many are done.

    Raises:
        OSError: a file that was listed cannot be read.
    """
    measures = empty_measures(part["package"])
    for done, path in enumerate(part["files"], start=1):
        add_file(measures, path, (root / path).read_bytes())
        progress(done)
    return measures


def add_file(measures: Measures, path: str, data: bytes) -> None:
    """Add one file's figures."""
    measures["files"] += 1
    measures["lines"] += len(data.splitlines())
    measures["size_bytes"] += len(data)
    try:
        tree = _parse(data)
    # Beside SyntaxError: ValueError, RecursionError, MemoryError, and whatever a codec raises.
    except Exception as error:  # noqa: BLE001
        measures["unparsable"] += 1
        if len(measures["reasons"]) < REASONS_KEPT:
            measures["reasons"].append(Unparsable(file=path, reason=_reason(error)))
        return
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                _add_function(measures, path, node)
            case ast.ClassDef():
                measures["classes"] += 1
                _add_docstring(measures, node)
            case ast.Module():
                _add_docstring(measures, node)
            case _:
                pass
    measures["longest"] = longest(measures["longest"])


def longest(functions: list[Function]) -> list[Function]:
    """Return the longest functions, longest first; by place where they are equally long."""
    return sorted(functions, key=lambda f: (-f["lines"], f["file"], f["line"]))[:LONGEST_KEPT]


def _parse(data: bytes) -> ast.Module:
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(data)


def _reason(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}"[:REASON_CHARACTERS]


def _add_function(measures: Measures, path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    measures["functions"] += 1
    measures["async_functions"] += isinstance(node, ast.AsyncFunctionDef)
    measures["length_counts"][bisect_left(LENGTH_BINS, lines)] += 1
    measures["longest"].append(Function(name=node.name, file=path, line=node.lineno, lines=lines))
    _add_docstring(measures, node)


def _add_docstring(
    measures: Measures,
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    measures["documentable"] += 1
    measures["documented"] += ast.get_docstring(node, clean=False) is not None
