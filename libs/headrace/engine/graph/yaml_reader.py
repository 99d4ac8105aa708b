"""YAML to JSON values with line numbers: plain YAML 1.2, where `on`, `off`, `yes` and `no` are words, and nothing else
that surprises. Keys are strings and stand once; tags, merge keys and values that JSON does not know are refused;
aliases are allowed, but what they unfold to is bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from headrace.engine.graph.problems import Path

# Of a document with all aliases unfolded. A graph of a thousand tasks has some twenty thousand values.
MAX_VALUES = 50_000
MAX_DEPTH = 60
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A document: its JSON value, the line of each place, and what could not be read (line, path, message)."""

    value: Any
    lines: Mapping[Path, int]
    problems: tuple[tuple[int, Path, str], ...]


class _Resolver(BaseResolver):
    """YAML 1.2's core schema."""


for _name, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
):
    _Resolver.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)


def read_yaml(text: str) -> Located:
    """Return the document of a text. Problems are part of the answer, not exceptions."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        return _unreadable(mark.line + 1 if mark else 0, f"Expected YAML, but {what}")
    except yaml.YAMLError as error:
        return _unreadable(0, f"Expected YAML, but {str(error).splitlines()[0]}")
    except RecursionError:
        return _unreadable(0, f"Expected YAML of at most {MAX_DEPTH} levels, but it goes deeper")
    if node is None:
        return _unreadable(0, "Expected a document, but it is empty")
    reading = _Reading()
    value = reading.read(node, ())
    return Located(value=value, lines=reading.lines, problems=tuple(reading.problems))


def _unreadable(line: int, message: str) -> Located:
    return Located(value=None, lines={}, problems=((line, (), message),))


class _Stop(Exception):
    """The document is too large to go on reading it."""


class _Reading:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[tuple[int, Path, str]] = []
        self._count = 0

    def read(self, node: Node, path: Path) -> Any:
        try:
            return self._value(node, path)
        except _Stop:
            return None

    def _value(self, node: Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._count += 1
        if self._count > MAX_VALUES or len(path) > MAX_DEPTH:
            self._refuse(
                line,
                path,
                f"Expected at most {MAX_VALUES} values and {MAX_DEPTH} levels, aliases unfolded, but found more",
            )
            raise _Stop
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            if node.tag != _TAG + "seq":
                self._refuse(line, path, f"Expected plain YAML, but found the tag {node.tag}")
            return [self._value(item, (*path, at)) for at, item in enumerate(node.value)]
        return self._scalar(node, path, line)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        if node.tag != _TAG + "map":
            self._refuse(node.start_mark.line + 1, path, f"Expected plain YAML, but found the tag {node.tag}")
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or key_node.tag != _TAG + "str":
                found = key_node.value if isinstance(key_node, ScalarNode) else "a list or an object"
                self._refuse(line, path, f"Expected a string as a key, but found {found}; put it in quotes")
                continue
            key = key_node.value
            inner = (*path, key)
            if key in result:
                self._refuse(
                    line,
                    inner,
                    f"Expected every key once, but {key} stands here again (first in line {self.lines[inner]})",
                )
                continue
            self.lines[inner] = line
            result[key] = self._value(value_node, inner)
        return result

    def _scalar(self, node: Node, path: Path, line: int) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and len(text) <= 300:
            return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
        if kind == "float":
            number = _float(text)
            if number is not None:
                return number
        self._refuse(line, path, f"Expected a value that JSON knows, but found {text[:50]}")
        return None

    def _refuse(self, line: int, path: Path, message: str) -> None:
        self.problems.append((line, path, message))


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
