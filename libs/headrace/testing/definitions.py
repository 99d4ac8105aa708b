"""Workflows of any kind as definitions that live in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from headrace.contracts.definitions import Definition
from headrace.engine.graph import load_graph

PYTHON = "python"
GRAPH = "graph"


class InMemoryDefinitions:
    """The definitions of one test, by name; every name has one version."""

    def __init__(self) -> None:
        self.functions: dict[bytes, Any] = {}
        self._by_name: dict[str, Definition] = {}

    def add(self, workflow: Any, name: str = "") -> str:
        """Add a Python workflow, a graph document (a dict, or a path to a file), and return its name."""
        function = getattr(workflow, "function", workflow if callable(workflow) else None)
        if function is not None:
            found = name or getattr(workflow, "name", None) or function.__name__
            options = {"timeout_ms": getattr(workflow, "timeout_ms", 0) or 0}
            self.functions[found.encode()] = function
            self._put(found, PYTHON, found.encode(), options)
            return found
        document: str | Mapping[str, Any]
        if isinstance(workflow, str | Path):
            document, source = Path(workflow).read_text(encoding="utf-8"), str(workflow)
        elif isinstance(workflow, Mapping):
            document, source = workflow, "definition"
        else:
            raise TypeError(f"Expected a @workflow function, a graph as a dict, or a path, but found {workflow!r}")
        graph = load_graph(document, source=source)
        found = name or graph.name
        self._put(found, GRAPH, msgspec.json.encode(graph.to_document()), {})
        return found

    def get(self, name: str, version: str) -> Definition | None:
        """Return a definition; any version is the one there is."""
        return self._by_name.get(name)

    def latest(self, name: str) -> Definition | None:
        """Return a definition by name."""
        return self._by_name.get(name)

    def _put(self, name: str, program: str, source: bytes, options: dict[str, Any]) -> None:
        self._by_name[name] = Definition(
            name=name,
            version="test",
            program=program,
            source=source,
            options=msgspec.json.encode(options),
            deployed_at=0,
        )
