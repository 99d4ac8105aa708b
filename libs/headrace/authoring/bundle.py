"""Makes a bundle of a Python workflow: its function, and whatever of the author's code it reaches.

Theory of operation. Beginning with the workflow's function, each global name that its source uses is resolved through
the live module: a task or another workflow becomes a stub; a constant its literal; a module of the standard library an
import, if it gives the same in every replay; a function, a class or an assignment of the author's its source text,
which is then looked through in the same way; a name that was imported from another module of the author's a reference
to that. Anything else is a problem, with file and line. So the bundle changes only when what the workflow can do
changes, and its hash is the version.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import msgspec

from headrace.authoring.bundle_loading import NO_PACKAGES, Bundle, BundleError, Place, load_bundle
from headrace.authoring.bundle_pieces import Piece
from headrace.authoring.bundle_rules import PUBLIC_NAMES, REFUSED_BUILTINS, refusal_of_module
from headrace.authoring.bundle_types import (
    converter_of,
    names_in,
    names_of_fields,
    names_of_signature,
    place_of,
    result_annotation,
)
from headrace.authoring.literals import literal_of
from headrace.authoring.module_source import Definition, ModuleSource, NoSource, absolute_name, is_authors
from headrace.authoring.replay_rules import problems_in
from headrace.authoring.stubs import WorkflowStub
from headrace.authoring.task_stubs import task_stub
from headrace.authoring.workflows import WorkflowDefinition
from headrace.engine.graph.problems import InvalidDefinition, Problem


def make_bundle(workflow: WorkflowDefinition[..., Any], packages: frozenset[str] = NO_PACKAGES) -> Bundle:
    """Return the bundle of a workflow, after loading it once for proof.

    `packages` are those that the decision service allows and has (`HEADRACE_DECISION_ALLOWED_PACKAGES`).

    Raises:
        InvalidDefinition: it reaches what cannot be published; all problems, with file and line.
    """
    collector = _Collector(packages)
    collector.add_workflow(workflow)
    if collector.problems:
        raise InvalidDefinition(sorted(set(collector.problems), key=lambda problem: (problem.file, problem.line)))
    bundle = Bundle(
        module=workflow.function.__module__,
        function=workflow.function.__name__,
        modules=[piece.finished() for piece in collector.in_loading_order()],
        converters=[places for _, places in sorted(collector.converters.items())],
    )
    try:
        load_bundle(bundle.to_bytes(), packages)
    except BundleError as error:
        problem = Problem(file=workflow.file, line=workflow.line, path=workflow.name, message=str(error))
        raise InvalidDefinition([problem]) from error
    return bundle


class _Collector:
    def __init__(self, packages: frozenset[str], results: dict[Place, bool] | None = None) -> None:
        self.problems: list[Problem] = []
        self.converters: dict[Place, tuple[Place, Place, Place]] = {}
        self._packages = packages
        self._pieces: dict[str, Piece] = {}
        # Names in annotations of results, and whether what they mean can travel.
        self._results = {} if results is None else results

    def in_loading_order(self) -> list[Piece]:
        """Return the modules so that each comes after those that it refers to, as far as they do not refer to each
        other.
        """
        ordered: dict[str, Piece] = {}

        def visit(piece: Piece, on_way: frozenset[str]) -> None:
            if piece.name in ordered or piece.name in on_way:
                return
            for origin in sorted({origin for origin, _ in piece.references.values()}):
                visit(self._pieces[origin], on_way | {piece.name})
            ordered[piece.name] = piece

        for name in sorted(self._pieces):
            visit(self._pieces[name], frozenset())
        return list(ordered.values())

    def add_workflow(self, workflow: WorkflowDefinition[..., Any]) -> None:
        """Collect the function of the workflow itself, without its decorator."""
        function = workflow.function
        piece = self._piece(sys.modules[function.__module__])
        statement = piece.source.statements.get(function.__name__)
        if not isinstance(statement, ast.AsyncFunctionDef) or "." in function.__qualname__:
            text = (
                f"Expected workflow {workflow.name} at the top level of its module, but {function.__qualname__} is not"
            )
            self._problem(piece, workflow.line, text)
            return
        self._add_statement(piece, statement, decorators=False)
        self._add_types(piece, statement, names_of_signature(statement))

    def _add_types(self, piece: Piece, statement: ast.stmt, names: Iterable[str]) -> None:
        """Collect what annotations name; what is there for type checkers only is left out."""
        for name in dict.fromkeys(names):
            if name in vars(piece.source.module):
                self._resolve(piece, name, _line_of(statement, name), piece.source.source_of(statement))

    def _returns(self, function: Callable[..., Any]) -> Place:
        """Return the annotation of a result, and the module that has its names; empty where they cannot travel."""
        found = result_annotation(function)
        if found is None:
            return "", ""
        module, annotation = found
        names = [name for name in dict.fromkeys(names_in(annotation)) if not _is_builtin(name, module)]
        text = ast.unparse(annotation)
        if not all(self._can_travel(module, name, text) for name in names):
            return "", ""
        for name in names:
            self._resolve(self._piece(module), name, annotation.lineno, text)
        return text, module.__name__ if names else ""

    def _can_travel(self, module: ModuleType, name: str, text: str) -> bool:
        place = (module.__name__, f"{name} in {text}")
        if place not in self._results:
            self._results[place] = True  # a type that refers to itself does not stand in its own way
            trial = _Collector(self._packages, self._results)
            self._results[place] = name in vars(module) and is_authors(module) and trial.takes(module, name, text)
        return self._results[place]

    def takes(self, module: ModuleType, name: str, text: str) -> bool:
        """Tell whether a name that is used in a text, with all that it reaches, can be in a bundle."""
        try:
            self._resolve(self._piece(module), name, 0, text)
        except (NoSource, OSError, SyntaxError):
            return False
        return not self.problems

    def _add_converter(self, piece: Piece, line: int, kind: Any, place: Place) -> None:
        """Take along what encodes and decodes a type."""
        found = converter_of(kind)
        if found is None or place in self.converters:
            return
        functions = [place_of(function) for function in (found.encode, found.decode)]
        if functions[0] is None or functions[1] is None:
            text = f"Expected the converter of {place[1]} to be of functions at the top of a module, but it is not"
            self._problem(piece, line, text)
            return
        self.converters[place] = (place, functions[0], functions[1])
        for module, name in filter(None, functions):
            if is_authors(sys.modules[module]):
                self._resolve(self._piece(sys.modules[module]), name, line, name)
            elif module != "builtins" and (reason := refusal_of_module(module, name, self._packages)):
                self._problem(piece, line, reason)

    def _piece(self, module: ModuleType) -> Piece:
        piece = self._pieces.get(module.__name__)
        if piece is None:
            piece = self._pieces[module.__name__] = Piece(ModuleSource(module))
        return piece

    def _add_statement(self, piece: Piece, statement: ast.stmt, *, decorators: bool = True) -> None:
        text = piece.source.source_of(statement, decorators=decorators)
        if statement.lineno in piece.statements:
            return
        piece.statements[statement.lineno] = text
        self._check_calls(piece, statement)
        self._add_types(piece, statement, names_of_fields(statement))
        for name in piece.source.globals_of(text):
            line = _line_of(statement, name)
            try:
                self._resolve(piece, name, line, text)
            except NoSource as error:
                self._problem(piece, line, str(error))

    def _resolve(self, piece: Piece, name: str, line: int, text: str) -> None:
        namespace = vars(piece.source.module)
        if name not in namespace:
            if name in REFUSED_BUILTINS:
                self._problem(piece, line, f"Expected no {name}() in a workflow; {REFUSED_BUILTINS[name]}")
            elif not hasattr(builtins, name):
                self._problem(piece, line, f"Expected {name} to be defined, but it is not")
            return
        value = namespace[name]
        if isinstance(value, ModuleType):
            self._add_module(piece, name, value, line, text)
            return
        if name in piece.seen:
            return
        piece.seen.add(name)
        stub = task_stub(value)
        if stub is not None:
            returns, returns_in = self._returns(value.function) if hasattr(value, "function") else ("", "")
            piece.tasks[name] = msgspec.structs.replace(stub, returns=returns, returns_in=returns_in)
        elif isinstance(value, WorkflowDefinition):
            returns, returns_in = self._returns(value.function)
            piece.workflows[name] = WorkflowStub(name=value.name, returns=returns, returns_in=returns_in)
        elif isinstance(statement := piece.source.statements.get(name), ast.ImportFrom):
            self._add_imported(piece, name, statement, line)
        elif isinstance(statement, Definition):
            self._add_statement(piece, statement)
            self._add_converter(piece, line, value, (piece.name, name))
        elif (literal := literal_of(value)) is not None:
            piece.constants[name] = literal
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and _is_plain(statement):
            self._add_statement(piece, statement)
        else:
            found = f"{name} is {type(value).__name__}"
            self._problem(
                piece,
                line,
                f"Expected a constant, a function or a class of your own, but {found}; pass it through a task",
            )

    def _add_module(self, piece: Piece, name: str, module: ModuleType, line: int, text: str) -> None:
        """A module is used as a whole: of an author's own one, all that any attribute in the text could mean."""
        if not is_authors(module):
            self._add_import(piece, name, module.__name__, "", line)
            return
        other = self._piece(module)
        piece.references[name] = (module.__name__, "")
        for attribute in sorted({node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}):
            if attribute in vars(module):
                self._resolve(other, attribute, line, text)

    def _add_imported(self, piece: Piece, name: str, statement: ast.ImportFrom, line: int) -> None:
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        origin = absolute_name(statement, piece.source.module)
        module = sys.modules.get(origin)
        if module is None or not is_authors(module):
            self._add_import(piece, name, origin, original, line)
            return
        other = self._piece(module)
        piece.references[name] = (origin, original)
        self._resolve(other, original, line, "")

    def _add_import(self, piece: Piece, name: str, module: str, attribute: str, line: int) -> None:
        if module.startswith("headrace.") and attribute in PUBLIC_NAMES:
            module = "headrace"  # wherever it stands in this version, a later one has it under its public name
        reason = refusal_of_module(module, attribute, self._packages)
        if reason:
            self._problem(piece, line, reason)
        else:
            piece.imports[name] = (module, attribute)
            self._add_converter(piece, line, vars(piece.source.module)[name], (module, attribute))

    def _check_calls(self, piece: Piece, statement: ast.stmt) -> None:
        """Refuse what the names alone do not show: imports within functions, and what parts in a replay."""
        for line, message in problems_in(statement, vars(piece.source.module)):
            self._problem(piece, line, message)
        for node in ast.walk(statement):
            match node:
                case ast.Import():
                    reasons = [_refusal_within(alias.name, "", self._packages) for alias in node.names]
                case ast.ImportFrom(level=0, module=str(module)):
                    reasons = [_refusal_within(module, alias.name, self._packages) for alias in node.names]
                case ast.ImportFrom():
                    reasons = [_OWN_AT_THE_TOP]
                case _:
                    continue
            for reason in filter(None, reasons):
                self._problem(piece, node.lineno, reason)

    def _problem(self, piece: Piece, line: int, message: str) -> None:
        file = str(getattr(piece.source.module, "__file__", None) or piece.name)
        self.problems.append(Problem(file=file, line=line, path="", message=message))


_OWN_AT_THE_TOP = "Expected imports of your own modules at the top of the file, but found one within a function"


def _is_builtin(name: str, module: ModuleType) -> bool:
    return hasattr(builtins, name) and name not in vars(module)


def _refusal_within(name: str, attribute: str, packages: frozenset[str]) -> str:
    """Return why a function may not import a module; empty when it may."""
    module = sys.modules.get(name)
    if module is not None and is_authors(module):
        return _OWN_AT_THE_TOP
    return refusal_of_module(name, attribute, packages)


def _is_plain(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _line_of(statement: ast.stmt, name: str) -> int:
    lines = [node.lineno for node in ast.walk(statement) if isinstance(node, ast.Name) and node.id == name]
    return min(lines, default=statement.lineno)
