"""What an author's modules and files hold, by name: tasks, workflows, graphs, listeners, and all that is declared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.authoring.app_modules import load_module
from headrace.authoring.kinds import kind_of
from headrace.authoring.workflows import WorkflowDefinition
from headrace.engine.graph.load import load_graph
from headrace.engine.graph.model import Graph
from headrace.engine.graph.problems import InvalidDefinition, Problem

_GRAPH_FILES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedGraph:
    """A graph and the file that it came from."""

    graph: Graph
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apps:
    """Everything by name. What is no workflow and no graph is what its decorator made."""

    tasks: dict[str, Any] = field(default_factory=dict)
    workflows: dict[str, WorkflowDefinition[..., Any]] = field(default_factory=dict)
    graphs: dict[str, LoadedGraph] = field(default_factory=dict)
    listeners: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    middleware: dict[str, Any] = field(default_factory=dict)
    gauges: dict[str, Any] = field(default_factory=dict)


def load_apps(paths: Sequence[str]) -> Apps:
    """Load modules (by dotted name), `.py` files and graph files.

    Raises:
        InvalidDefinition: all problems of all paths, with file and line.
    """
    apps, problems = collect_apps(paths)
    if problems:
        raise InvalidDefinition(problems)
    return apps


def collect_apps(paths: Sequence[str]) -> tuple[Apps, list[Problem]]:
    """Load what can be loaded, and return it with the problems of the rest."""
    apps = Apps()
    problems: list[Problem] = []
    for path in paths:
        try:
            _load(apps, path)
        except InvalidDefinition as error:
            problems += error.problems
    return apps, problems + _defined_twice(apps)


def _load(apps: Apps, path: str) -> None:
    if path.endswith(".asl.json"):
        raise _problem(
            path, "Expected a .py or .yaml file, but Amazon States Language is reserved: not in this version"
        )
    if path.endswith(_GRAPH_FILES):
        file = Path(path)
        if not file.is_file():
            raise _problem(path, "Expected a file, but there is none")
        graph = load_graph(file.read_bytes(), source=path)
        _add(apps.graphs, graph.name, LoadedGraph(graph=graph, file=path), "graph", path)
        return
    if Path(path).is_dir() or (Path(path).is_file() and not path.endswith(".py")):
        raise _problem(path, "Expected a module or a file (.py, .yaml, .yml), but this is neither")
    for kind, name, value in _definitions(vars(load_module(path)).values()):
        if not name:
            raise _problem(
                path, f"Expected every {kind.removesuffix('s')} to have a name or a workflow, but one has neither"
            )
        _add(getattr(apps, kind), name, value, kind.removesuffix("s"), path)


def _definitions(values: Iterable[Any]) -> Iterator[tuple[str, str, Any]]:
    for value in list(values):
        kind = kind_of(value)
        if kind:
            yield kind, value.name, value
        if kind == "workflows":
            yield from (("triggers", above.name, above) for above in _triggers_above(value))


def _triggers_above(workflow: WorkflowDefinition[..., Any]) -> list[Any]:
    """Return the triggers that decorate a workflow. A module that has any has imported what keeps them."""
    module = sys.modules.get("headrace.authoring.triggers")
    found: list[Any] = module.triggers_above(workflow) if module is not None else []
    return found


def _add(known: dict[str, Any], name: str, value: Any, what: str, path: str) -> None:
    before = known.setdefault(name, value)
    if before is not value and not _same_file(before, value):
        raise _problem(path, f"Expected one {what} named {name}, but there are two; give one of them another name")


def _same_file(before: Any, value: Any) -> bool:
    """A graph that is named twice on the command line is one graph."""
    both = isinstance(before, LoadedGraph) and isinstance(value, LoadedGraph)
    return both and Path(before.file).resolve() == Path(value.file).resolve()


def _defined_twice(apps: Apps) -> list[Problem]:
    return [
        Problem(
            file=apps.graphs[name].file,
            line=0,
            path="name",
            message=f"Expected one workflow named {name}, but {apps.workflows[name].file} has one too",
        )
        for name in sorted(apps.graphs.keys() & apps.workflows.keys())
    ]


def _problem(file: str, message: str) -> InvalidDefinition:
    return InvalidDefinition([Problem(file=file, line=0, path="", message=message)])
