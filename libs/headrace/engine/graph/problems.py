"""What is wrong with a definition: where, what was expected, what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: the document's file, or what stands for one.
        line: from 1; 0 when there is none (the document came as an object).
        path: the place in the document, as `tasks.measure.needs[0]`; empty for the document as a whole.
        message: "Expected X, but Y".
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class InvalidDefinition(ValueError):
    """A definition that cannot run. `problems` has all that was found, in the document's order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def path_text(path: Path) -> str:
    """Return a path as users read it: `tasks.measure.needs[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
