"""Load a graph: a document in, a checked graph out, or everything that is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from headrace.engine.expressions import Template
from headrace.engine.graph.checker import Checker
from headrace.engine.graph.durations import describe
from headrace.engine.graph.model import ON_EXIT, Graph, Node
from headrace.engine.graph.nodes import DEFAULTS, MAX_UNITS, read_node
from headrace.engine.graph.problems import InvalidDefinition, Path, Problem
from headrace.engine.graph.references import check_expressions, order_nodes
from headrace.engine.graph.yaml_reader import MAX_DEPTH, MAX_VALUES, read_yaml

API_VERSION = "headrace/v1"
FIELDS = (
    *("apiVersion", "name", "description", "resources", "defaults", "timeout", "key", "tasks", "on_exit", "output"),
)
# Every task is in the state of every open run; beyond this, use foreach or child workflows.
MAX_TASKS = 1_000
# A definition travels in one record.
MAX_BYTES = 1_048_576


def load_graph(document: str | bytes | Mapping[str, Any], *, source: str) -> Graph:
    """Return the graph of a document.

    Args:
        document: YAML (or JSON) text, or the document as JSON values.
        source: the file's name, for messages.

    Raises:
        InvalidDefinition: with every problem that was found.
    """
    value, check = _read(document, source)
    if check.problems and (isinstance(document, Mapping) or not isinstance(value, dict)):
        raise InvalidDefinition(check.problems)
    graph = _graph(check, value)
    if graph is None or check.problems:
        raise InvalidDefinition(sorted(_unique(check.problems), key=lambda problem: problem.line))
    return graph


def _read(document: str | bytes | Mapping[str, Any], source: str) -> tuple[Any, Checker]:
    if isinstance(document, Mapping):
        check = Checker(source, {})
        _check_json(check, document, (), [MAX_VALUES])
        return dict(document), check
    if len(document) > MAX_BYTES:
        check = Checker(source, {})
        check.refuse((), f"Expected a document of at most {MAX_BYTES} bytes, but it has {len(document)}")
        return None, check
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
    except UnicodeDecodeError as error:
        check = Checker(source, {})
        check.refuse((), f"Expected UTF-8, but byte {error.start} is not")
        return None, check
    located = read_yaml(text)
    check = Checker(source, located.lines)
    for line, path, message in located.problems:
        check.refuse(path, message, line)
    return located.value, check


def _check_json(check: Checker, value: Any, path: Path, left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0 or len(path) > MAX_DEPTH:
        if left[0] == -1 or len(path) > MAX_DEPTH:
            check.refuse(path, f"Expected at most {MAX_VALUES} values and {MAX_DEPTH} levels, but found more")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                check.refuse(path, f"Expected a string as a key, but found {describe(name)}")
            else:
                _check_json(check, inner, (*path, name), left)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _check_json(check, inner, (*path, at), left)
    elif isinstance(value, float) and not math.isfinite(value):
        check.refuse(path, f"Expected a value that JSON knows, but found {value}")
    elif not (value is None or isinstance(value, str | bool | int | float)):
        check.refuse(path, f"Expected a value that JSON knows, but found {type(value).__name__}")


def _graph(check: Checker, value: Any) -> Graph | None:
    fields = check.mapping(value, (), FIELDS, "a workflow")
    if not isinstance(value, dict):
        return None
    version = fields.get("apiVersion", API_VERSION)
    if version != API_VERSION:
        check.refuse(("apiVersion",), f"Expected {API_VERSION}, but found {describe(version)}")
    name = check.name(fields.get("name"), ("name",), "a workflow's name")
    resources = _resources(check, fields.get("resources"))
    nodes, entries = _nodes(check, fields, resources)
    ordered = order_nodes(check, nodes, entries)
    on_exit = None
    if fields.get(ON_EXIT) is not None:
        on_exit = read_node(check, ON_EXIT, fields[ON_EXIT], (ON_EXIT,), _defaults(fields), resources)
    output = check.template(fields["output"], ("output",)) if "output" in fields else None
    key = _key(check, fields.get("key"))
    timeout = check.duration(fields["timeout"], ("timeout",)) if fields.get("timeout") is not None else 0
    description = check.text(fields.get("description", ""), ("description",), "description")
    if ordered or not nodes:
        check_expressions(check, {node.name: node for node in ordered}, entries)
    return Graph(
        name=name or "",
        description=description,
        resources=resources,
        timeout_ms=timeout,
        nodes=ordered,
        on_exit=on_exit,
        output=output,
        key=key,
        document=value,
    )


def _resources(check: Checker, value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        check.refuse(("resources",), f"Expected resources as an object, but found {describe(value)}")
        return {}
    result = {}
    for name, inner in value.items():
        path = ("resources", name)
        fields = check.mapping(inner, path, ("capacity",), "a resource")
        known = check.name(name, path, "a resource's name")
        if isinstance(inner, dict) and "capacity" not in inner:
            check.refuse(path, "Expected a capacity, but there is none")
        elif "capacity" in fields:
            capacity = check.integer(fields["capacity"], (*path, "capacity"), "capacity", 1, MAX_UNITS)
            if known is not None:
                result[known] = capacity
    return result


def _defaults(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    value = fields.get("defaults")
    return {name: value[name] for name in DEFAULTS if name in value} if isinstance(value, dict) else {}


def _nodes(
    check: Checker, fields: Mapping[str, Any], resources: Mapping[str, int]
) -> tuple[dict[str, Node], frozenset[str]]:
    """Return the nodes that could be read, and the names of all entries."""
    if fields.get("defaults") is not None:
        check.mapping(fields["defaults"], ("defaults",), DEFAULTS, "defaults")
    entries = fields.get("tasks")
    if entries is None or entries == {}:
        check.refuse(("tasks",), "Expected at least one task, but there are none")
        return {}, frozenset()
    if not isinstance(entries, dict):
        check.refuse(("tasks",), f"Expected tasks as an object, name: task, but found {describe(entries)}")
        return {}, frozenset()
    if len(entries) > MAX_TASKS:
        check.refuse(("tasks",), f"Expected at most {MAX_TASKS} tasks, but found {len(entries)}; use foreach")
    nodes = {}
    for name, entry in entries.items():
        check.name(name, ("tasks", name), "a task's name")
        if name == ON_EXIT:
            check.refuse(("tasks", name), f"Expected another name, but {ON_EXIT} is that of the workflow's last task")
        node = read_node(check, name, entry, ("tasks", name), _defaults(fields), resources)
        if node is not None:
            nodes[name] = node
    return nodes, frozenset(entries)


def _key(check: Checker, value: Any) -> Template | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        check.refuse(("key",), f"Expected a string or an expression {{% ... %}} as key, but found {describe(value)}")
        return None
    return check.template(value, ("key",))


def _unique(problems: list[Problem]) -> list[Problem]:
    """Return each problem once: those of `defaults` are found for every task that takes them."""
    return list(dict.fromkeys(problems))
