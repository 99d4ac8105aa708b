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
import sysconfig
from pathlib import Path
from types import ModuleType

from headrace.authoring.bundle_loading import Bundle, BundleError, BundleModule, load_bundle
from headrace.authoring.bundle_rules import PUBLIC_NAMES, REFUSED_BUILTINS, refusal_of_module
from headrace.authoring.literals import literal_of
from headrace.authoring.module_source import Definition, ModuleSource, NoSource
from headrace.authoring.replay_rules import problems_in
from headrace.authoring.stubs import TaskStub, WorkflowStub
from headrace.authoring.task_stubs import task_stub
from headrace.authoring.workflows import WorkflowDefinition
from headrace.engine.graph.problems import InvalidDefinition, Problem

_SITE = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib"))


def make_bundle(workflow: WorkflowDefinition) -> Bundle:
    """Return the bundle of a workflow, after loading it once for proof.

    Raises:
        InvalidDefinition: it reaches what cannot be published; all problems, with file and line.
    """
    collector = _Collector()
    collector.add_workflow(workflow)
    if collector.problems:
        raise InvalidDefinition(sorted(set(collector.problems), key=lambda problem: (problem.file, problem.line)))
    bundle = Bundle(
        module=workflow.function.__module__,
        function=workflow.function.__name__,
        modules=[piece.finished() for piece in collector.in_loading_order()],
    )
    try:
        load_bundle(bundle.to_bytes())
    except BundleError as error:
        problem = Problem(file=workflow.file, line=workflow.line, path=workflow.name, message=str(error))
        raise InvalidDefinition([problem]) from error
    return bundle


class _Piece:
    """What has been collected of one module."""

    def __init__(self, source: ModuleSource) -> None:
        self.source = source
        self.name = source.module.__name__
        self.tasks: dict[str, TaskStub] = {}
        self.workflows: dict[str, WorkflowStub] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.references: dict[str, tuple[str, str]] = {}
        self.constants: dict[str, str] = {}
        self.statements: dict[int, str] = {}
        self.seen: set[str] = set()

    def finished(self) -> BundleModule:
        texts = [text for _, text in sorted(self.statements.items())]
        return BundleModule(
            name=self.name,
            file=Path(getattr(self.source.module, "__file__", None) or "").name,
            tasks=self.tasks,
            workflows=self.workflows,
            imports=self.imports,
            references=self.references,
            constants=self.constants,
            source="\n\n".join(texts),
        )


class _Collector:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._pieces: dict[str, _Piece] = {}

    def in_loading_order(self) -> list[_Piece]:
        """Return the modules so that each comes after those that it refers to, as far as they do not refer to each
        other.
        """
        ordered: dict[str, _Piece] = {}

        def visit(piece: _Piece, on_way: frozenset[str]) -> None:
            if piece.name in ordered or piece.name in on_way:
                return
            for origin in sorted({origin for origin, _ in piece.references.values()}):
                visit(self._pieces[origin], on_way | {piece.name})
            ordered[piece.name] = piece

        for name in sorted(self._pieces):
            visit(self._pieces[name], frozenset())
        return list(ordered.values())

    def add_workflow(self, workflow: WorkflowDefinition) -> None:
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

    def _piece(self, module: ModuleType) -> _Piece:
        piece = self._pieces.get(module.__name__)
        if piece is None:
            piece = self._pieces[module.__name__] = _Piece(ModuleSource(module))
        return piece

    def _add_statement(self, piece: _Piece, statement: ast.stmt, *, decorators: bool = True) -> None:
        text = piece.source.source_of(statement, decorators=decorators)
        if statement.lineno in piece.statements:
            return
        piece.statements[statement.lineno] = text
        self._check_calls(piece, statement)
        for name in piece.source.globals_of(text):
            line = _line_of(statement, name)
            try:
                self._resolve(piece, name, line, text)
            except NoSource as error:
                self._problem(piece, line, str(error))

    def _resolve(self, piece: _Piece, name: str, line: int, text: str) -> None:
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
            piece.tasks[name] = stub
        elif isinstance(value, WorkflowDefinition):
            piece.workflows[name] = WorkflowStub(name=value.name)
        elif isinstance(statement := piece.source.statements.get(name), ast.ImportFrom):
            self._add_imported(piece, name, statement, line)
        elif isinstance(statement, Definition):
            self._add_statement(piece, statement)
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

    def _add_module(self, piece: _Piece, name: str, module: ModuleType, line: int, text: str) -> None:
        """A module is used as a whole: of an author's own one, all that any attribute in the text could mean."""
        if not _is_authors(module):
            self._add_import(piece, name, module.__name__, "", line)
            return
        other = self._piece(module)
        piece.references[name] = (module.__name__, "")
        for attribute in sorted({node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}):
            if attribute in vars(module):
                self._resolve(other, attribute, line, text)

    def _add_imported(self, piece: _Piece, name: str, statement: ast.ImportFrom, line: int) -> None:
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        origin = _absolute(statement, piece.source.module)
        module = sys.modules.get(origin)
        if module is None or not _is_authors(module):
            self._add_import(piece, name, origin, original, line)
            return
        other = self._piece(module)
        piece.references[name] = (origin, original)
        self._resolve(other, original, line, "")

    def _add_import(self, piece: _Piece, name: str, module: str, attribute: str, line: int) -> None:
        if module.startswith("headrace.") and attribute in PUBLIC_NAMES:
            module = "headrace"  # wherever it stands in this version, a later one has it under its public name
        reason = refusal_of_module(module, attribute)
        if reason:
            self._problem(piece, line, reason)
        else:
            piece.imports[name] = (module, attribute)

    def _check_calls(self, piece: _Piece, statement: ast.stmt) -> None:
        """Refuse what the names alone do not show: imports within functions, and what parts in a replay."""
        for line, message in problems_in(statement, vars(piece.source.module)):
            self._problem(piece, line, message)
        for node in ast.walk(statement):
            match node:
                case ast.Import():
                    reasons = [_refusal_within(alias.name, "") for alias in node.names]
                case ast.ImportFrom(level=0, module=str(module)):
                    reasons = [_refusal_within(module, alias.name) for alias in node.names]
                case ast.ImportFrom():
                    reasons = [_OWN_AT_THE_TOP]
                case _:
                    continue
            for reason in filter(None, reasons):
                self._problem(piece, node.lineno, reason)

    def _problem(self, piece: _Piece, line: int, message: str) -> None:
        file = str(getattr(piece.source.module, "__file__", None) or piece.name)
        self.problems.append(Problem(file=file, line=line, path="", message=message))


_OWN_AT_THE_TOP = "Expected imports of your own modules at the top of the file, but found one within a function"


def _refusal_within(name: str, attribute: str) -> str:
    """Return why a function may not import a module; empty when it may."""
    module = sys.modules.get(name)
    if module is not None and _is_authors(module):
        return _OWN_AT_THE_TOP
    return refusal_of_module(name, attribute)


def _is_authors(module: ModuleType) -> bool:
    """Tell whether a module is the author's own: neither of the standard library, nor of headrace, nor installed."""
    top = module.__name__.partition(".")[0]
    if top in sys.stdlib_module_names or top == "headrace":
        return False
    # A package without an __init__.py has no file, but folders.
    places = [module.__file__] if getattr(module, "__file__", None) else list(getattr(module, "__path__", ()))
    paths = [Path(place).resolve() for place in places if place]
    return bool(paths) and not any(path.is_relative_to(place) for path in paths for place in _SITE)


def _absolute(statement: ast.ImportFrom, module: ModuleType) -> str:
    if statement.level == 0:
        return statement.module or ""
    package = (module.__package__ or "").split(".")
    base = package[: len(package) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _is_plain(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _line_of(statement: ast.stmt, name: str) -> int:
    lines = [node.lineno for node in ast.walk(statement) if isinstance(node, ast.Name) and node.id == name]
    return min(lines, default=statement.lineno)
