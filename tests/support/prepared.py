"""What a prepared read API answers to command lines."""

from __future__ import annotations

from typing import Any

from tests.support.read_api import PreparedApi

RUNNING = {"id": "w-1", "name": "mill", "status": "RUNNING", "attempt": 1, "tasks": {"RUNNING": 1}, "refusals": []}
Outcome = tuple[int, str, str]
"""Exit code, stdout, stderr."""


class Prepared:
    """What the read API answers from now on: each answer once, the last one for ever; `command` about commands."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, RUNNING)]
        self.parts: dict[str, list[dict[str, Any]]] = {"tasks": [], "history": []}
        self.command: dict[str, Any] = {"status": "ACCEPTED"}
        self.api: PreparedApi | None = None

    def next(self, path: str, _query: dict[str, str]) -> tuple[int, Any]:
        if path.startswith("/api/v1/commands/"):
            return 200, self.command
        part = path.rsplit("/", 1)[-1]
        if part in self.parts:
            return 200, {"items": self.parts[part], "next_cursor": None}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
