"""The source of one module of the author's: which statement defines a name, and which names of the module a statement
uses.
"""

from __future__ import annotations

import ast
import symtable
import sys
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_SITE = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib"))
_FUTURE = "from __future__ import annotations\n"


class NoSource(ValueError):
    """A module has no source file that could be published."""


@dataclass(frozen=True, eq=False)
class ModuleSource:
    """A module and its source."""

    module: ModuleType

    @cached_property
    def file(self) -> str:
        """The path of the file."""
        file = getattr(self.module, "__file__", None)
        if not file or not file.endswith(".py"):
            raise NoSource(f"Expected the source of module {self.module.__name__} in a file, but it has none")
        return str(file)

    @cached_property
    def text(self) -> str:
        """The text of the file."""
        return Path(self.file).read_text(encoding="utf-8")

    @cached_property
    def statements(self) -> dict[str, ast.stmt]:
        """The statement that binds each name at the top of the module, those within `if` and `try` included; the last
        one wins.
        """
        found: dict[str, ast.stmt] = {}
        for statement in _top_level(ast.parse(self.text).body):
            for name in _bound(statement):
                found[name] = statement
        return found

    def source_of(self, statement: ast.stmt, *, decorators: bool = True) -> str:
        """Return the text of a statement, with its decorators unless told otherwise, and without its indentation."""
        first = statement.lineno
        if decorators and isinstance(statement, Definition) and statement.decorator_list:
            first = min(decorator.lineno for decorator in statement.decorator_list)
        assert statement.end_lineno is not None
        lines = self.text.splitlines(keepends=True)[first - 1 : statement.end_lineno]
        indent = len(lines[0]) - len(lines[0].lstrip())
        if indent == 0:
            return "".join(lines).rstrip() + "\n"
        # Only what stands inside `if` or `try` is indented; unparsing keeps the inside of long strings as it is.
        return ast.unparse(statement) + "\n"

    def globals_of(self, source: str) -> list[str]:
        """Return the names of the module that a piece of source uses, in order; annotations do not count."""
        found: dict[str, None] = {}
        _global_names(symtable.symtable(_FUTURE + source, self.file, "exec"), found)
        return sorted(found)


def module_source(name: str) -> ModuleSource:
    """Return the source of a module that is imported."""
    return ModuleSource(sys.modules[name])


def is_authors(module: ModuleType) -> bool:
    """Tell whether a module is the author's own: neither of the standard library, nor of headrace, nor installed."""
    top = module.__name__.partition(".")[0]
    if top in sys.stdlib_module_names or top == "headrace":
        return False
    # A package without an __init__.py has no file, but folders.
    places = [module.__file__] if getattr(module, "__file__", None) else list(getattr(module, "__path__", ()))
    paths = [Path(place).resolve() for place in places if place]
    return bool(paths) and not any(path.is_relative_to(place) for path in paths for place in _SITE)


def absolute_name(statement: ast.ImportFrom, module: ModuleType) -> str:
    """Return the name of the module that a statement imports from."""
    if statement.level == 0:
        return statement.module or ""
    package = (module.__package__ or "").split(".")
    base = package[: len(package) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _global_names(table: symtable.SymbolTable, found: dict[str, None]) -> None:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or top):
            found[symbol.get_name()] = None
    for child in table.get_children():
        _global_names(child, found)


def _top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for statement in body:
        match statement:
            case ast.If():
                found += _top_level(statement.body) + _top_level(statement.orelse)
            case ast.Try():
                found += _top_level(statement.body) + _top_level(statement.orelse) + _top_level(statement.finalbody)
            case _:
                found.append(statement)
    return found


def _bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import():
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        case ast.ImportFrom():
            return [alias.asname or alias.name for alias in statement.names]
        case ast.Assign():
            return [node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        case ast.AnnAssign() if isinstance(statement.target, ast.Name) and statement.value is not None:
            return [statement.target.id]
        case _ if isinstance(name := getattr(statement, "name", None), ast.Name):  # a `type` statement, from 3.12 on
            return [name.id]
    return []
