"""Which annotations of an author's code say something about values: those that a bundle takes along."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from headrace.authoring.module_source import NoSource, module_source
from headrace.payloads.converters import Converter, registered_for

Function = ast.FunctionDef | ast.AsyncFunctionDef


def names_of_fields(statement: ast.stmt) -> Iterator[str]:
    """Yield the names in the annotations of a class's fields: what makes a value of JSON needs them."""
    if isinstance(statement, ast.ClassDef):
        for part in statement.body:
            if isinstance(part, ast.AnnAssign):
                yield from names_in(part.annotation)


def names_of_signature(function: Function) -> Iterator[str]:
    """Yield the names in the annotations of a workflow's input and result, its ctx left out."""
    arguments = function.args
    placed = [*arguments.posonlyargs, *arguments.args][1:]
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    annotations = [argument.annotation for argument in (*placed, *arguments.kwonlyargs, *rest)]
    for annotation in (*annotations, function.returns):
        if annotation is not None:
            yield from names_in(annotation)


def names_in(annotation: ast.expr) -> Iterator[str]:
    """Yield the names in an annotation, those in quoted parts included."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield from names_in(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                continue  # a Literal, or a description


def result_annotation(function: Callable[..., Any]) -> tuple[ModuleType, ast.expr] | None:
    """Return what a function of the author's says that it returns, and the module that it says so in."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    if module is None or "return" not in getattr(function, "__annotations__", {}):
        return None
    try:
        statement = module_source(module.__name__).statements.get(function.__name__)
    except (NoSource, OSError, SyntaxError):
        return None
    returns = statement.returns if isinstance(statement, Function) else None
    return (module, returns) if returns is not None else None


def converter_of(value: Any) -> Converter | None:
    """Return the converter that is registered for a class itself."""
    return registered_for(value) if isinstance(value, type) else None


def place_of(function: Any) -> tuple[str, str] | None:
    """Return module and name of a function or class that stands at the top of its module; None for any other."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module not in sys.modules or vars(sys.modules[module]).get(name) is not function:
        return None
    return module, name
