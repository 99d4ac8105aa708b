"""Reads the fields of a document one by one and notes what is wrong with each, so that all problems come out
together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.engine.expressions import (
    Expression,
    InvalidExpression,
    Template,
    compile_expression,
    compile_template,
    is_expression,
)
from headrace.engine.graph.durations import describe, parse_duration
from headrace.engine.graph.problems import Path, Problem, path_text

NAME = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
TARGET = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z", re.ASCII)
# Names stand in every event of their task, in metrics and in file names.
MAX_NAME = 100


class Checker:
    """The problems of one document. A method returns None (or a harmless default) for what it had to refuse."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = lines
        # Where each expression stands, for the checks that need the whole graph.
        self.expressions: list[tuple[Path, Expression]] = []

    def refuse(self, path: Path, message: str, line: int = 0) -> None:
        """Note a problem."""
        self.problems.append(
            Problem(file=self.file, line=line or self.line(path), path=path_text(path), message=message)
        )

    def line(self, path: Path) -> int:
        """Return the line of a place, or of the nearest one around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return 0

    def mapping(self, value: Any, path: Path, known: Iterable[str], what: str) -> dict[str, Any]:
        """Return an object whose fields are all known; the others are noted and left out."""
        if not isinstance(value, dict):
            self.refuse(path, f"Expected {what} as an object, but found {describe(value)}")
            return {}
        fields = tuple(known)
        result = {}
        for name, inner in value.items():
            if name in fields:
                result[name] = inner
                continue
            near = difflib.get_close_matches(str(name), fields, 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(fields)}"
            self.refuse((*path, name), f"Expected a field of {what}, but {name} is unknown{hint}")
        return result

    def name(self, value: Any, path: Path, what: str) -> str | None:
        """Return a name that matches `[a-z][a-z0-9_]*`."""
        if isinstance(value, str) and NAME.match(value) and len(value) <= MAX_NAME:
            return value
        self.refuse(
            path,
            f"Expected {what} of a-z, 0-9 and _, a letter first, at most {MAX_NAME} long, but found {describe(value)}",
        )
        return None

    def target(self, value: Any, path: Path, what: str) -> str | None:
        """Return the name of something that is defined elsewhere: a task, a workflow, a queue."""
        if isinstance(value, str) and TARGET.match(value) and len(value) <= MAX_NAME:
            return value
        self.refuse(
            path,
            f"Expected {what} of letters, digits, _, . and -, at most {MAX_NAME} long, but found {describe(value)}",
        )
        return None

    def text(self, value: Any, path: Path, what: str) -> str:
        """Return a string."""
        if isinstance(value, str):
            return value
        self.refuse(path, f"Expected {what} as a string, but found {describe(value)}")
        return ""

    def boolean(self, value: Any, path: Path, what: str) -> bool:
        """Return true or false."""
        if isinstance(value, bool):
            return value
        self.refuse(path, f"Expected true or false as {what}, but found {describe(value)}")
        return True

    def integer(self, value: Any, path: Path, what: str, lowest: int, highest: int) -> int:
        """Return an integer in a range."""
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self.refuse(path, f"Expected {what} as an integer from {lowest} to {highest}, but found {describe(value)}")
        return lowest

    def integer_or_expression(self, value: Any, path: Path, what: str, lowest: int, highest: int) -> int | Expression:
        """Return an integer in a range, or an expression that will give one."""
        if is_expression(value):
            return self.expression(value, path) or lowest
        return self.integer(value, path, what, lowest, highest)

    def duration(self, value: Any, path: Path) -> int:
        """Return a duration in milliseconds, more than none."""
        try:
            result = parse_duration(value)
        except ValueError as error:
            self.refuse(path, str(error))
            return 0
        if result == 0:
            self.refuse(path, "Expected a duration of at least 1ms, but found none; leave the field out instead")
        return result

    def duration_or_expression(self, value: Any, path: Path) -> int | Expression:
        """Return a duration in milliseconds, or an expression that will give one."""
        if is_expression(value):
            return self.expression(value, path) or 0
        return self.duration(value, path)

    def expression(self, value: str, path: Path) -> Expression | None:
        """Return a compiled expression."""
        try:
            result = compile_expression(value)
        except InvalidExpression as error:
            self.refuse(path, str(error))
            return None
        self.expressions.append((path, result))
        return result

    def template(self, value: Any, path: Path) -> Template:
        """Return a template; each expression in it that cannot be compiled is noted at its own place."""
        before = len(self.problems)
        for inner_path, inner in _strings(value, path):
            if is_expression(inner):
                self.expression(inner, inner_path)
        return compile_template(None if len(self.problems) > before else value)


def _strings(value: Any, path: Path) -> Iterable[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _strings(inner, (*path, at))
