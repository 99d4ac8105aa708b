"""Finds the folders of promises, and reads what they expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

HERE = Path(__file__).parent
SECTIONS = ("execution", "workflows")
BUGS = "bugs"
README, EXPECTED = "README.md", "expected.yaml"
GRAPH, PYTHON, SCRIPT, PLAY = "workflow.yaml", "workflow.py", "script.yaml", "play.py"
RUNNABLE = (GRAPH, PYTHON, SCRIPT, PLAY)
TASKS = "tasks.py"


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many events there are by the value of a field."""

    by: str
    are: dict[Any, int]


class Ordered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a field is over all events of a kind."""

    field: str
    is_: Any = msgspec.field(name="is")


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `expected.yaml`; the README says what each part means."""

    input: Any = None
    status: str = "SUCCEEDED"
    output: Any = msgspec.UNSET
    error: str = ""
    stack: bool = False
    workflow: str = ""
    failures: dict[str, list[str | None]] = {}
    moves: list[dict[str, Any]] = []
    events: list[str | dict[str, dict[str, Any]]] = []
    counts: list[dict[str, Counted]] = []
    order: list[dict[str, Ordered]] = []
    never: list[str] = []


class Promise(msgspec.Struct, frozen=True):
    """One folder."""

    folder: Path

    @property
    def name(self) -> str:
        """Its path below this folder."""
        return self.folder.relative_to(HERE).as_posix()

    def has(self, file: str) -> bool:
        """Tell whether a file stands in it."""
        return (self.folder / file).exists()

    def expected(self) -> Expected:
        """Return what must come of it."""
        return msgspec.convert(read_yaml(self.folder / EXPECTED), Expected)


def promises(file: str = "") -> list[Promise]:
    """Return all folders, or those in which a file stands."""
    above = [HERE / section for section in SECTIONS] + [HERE / section / BUGS for section in SECTIONS]
    found = [
        Promise(folder)
        for parent in above
        if parent.is_dir()
        for folder in sorted(parent.iterdir())
        if folder.is_dir() and folder.name not in (BUGS, "__pycache__")
    ]
    return [each for each in found if not file or each.has(file)]


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))
