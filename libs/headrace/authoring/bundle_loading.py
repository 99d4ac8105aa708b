"""Loads a bundle: from published source text to the workflow's function, by `exec` in namespaces of its own.

Versions are loaded side by side, and none sees another. This is no sandbox against an evil author: whoever may deploy
may run code. It keeps an honest one from what would not give the same in a replay.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import hashlib
import importlib
import json
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, TypeAlias

import msgspec

from headrace.authoring.bundle_rules import REFUSED_BUILTINS, refusal_of_module
from headrace.authoring.stubs import LoadedTask, LoadedWorkflow, TaskStub, WorkflowStub
from headrace.payloads.converters import converter

FORMAT = 1
Place: TypeAlias = tuple[str, str]
"""A module, of the bundle or not, and a name in it."""
NO_PACKAGES: frozenset[str] = frozenset()
_FLAGS = __future__.annotations.compiler_flag


class BundleError(ValueError):
    """A bundle that cannot be loaded; the text says what was expected."""


class BundleModule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bundle holds of one of the author's modules.

    `imports` and `references` map a name to (module, name in it), the latter empty for the module itself: of the
    standard library, and of the bundle. `constants` maps a name to a Python literal.
    """

    name: str
    file: str = ""
    tasks: dict[str, TaskStub] = {}
    workflows: dict[str, WorkflowStub] = {}
    imports: dict[str, tuple[str, str]] = {}
    references: dict[str, tuple[str, str]] = {}
    constants: dict[str, str] = {}
    source: str = ""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow's function and what it reaches. `modules` come in the order in which they are loaded."""

    format: int = FORMAT
    module: str
    function: str
    modules: list[BundleModule]
    converters: list[tuple[Place, Place, Place]] = []
    """Of each type with a registered converter: where it stands, and what encodes and decodes it."""

    @property
    def queues(self) -> list[str]:
        """The queues of the tasks that it refers to; those that it calls by name are not known."""
        return sorted({task.queue for module in self.modules for task in module.tasks.values()})

    def to_bytes(self) -> bytes:
        """Return the bundle as JSON, the same for the same content."""
        return msgspec.json.encode(self, order="deterministic")


def load_bundle(source: bytes, packages: frozenset[str] = NO_PACKAGES) -> Callable[..., Any]:
    """Return the coroutine function of a bundle. It may use the `packages` of others, as they are installed here.

    Raises:
        BundleError: it is no bundle, or a newer one than this code knows, or its code does not load.
    """
    try:
        if json.loads(source).get("format") != FORMAT:
            raise BundleError(f"Expected a bundle of format {FORMAT}, but found another; run a newer headrace")
        bundle = msgspec.json.decode(source, type=Bundle)
    except (msgspec.DecodeError, ValueError, AttributeError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"Expected a bundle, but {error}") from error
    # Dataclasses and the like look their module up by name, so each of ours has one that no other version has.
    prefix = f"headrace_bundle_{hashlib.sha256(source).hexdigest()[:12]}"
    loaded = {module.name: ModuleType(f"{prefix}.{module.name}") for module in bundle.modules}
    sys.modules.update({each.__name__: each for each in loaded.values()})
    for module in bundle.modules:
        _fill(module, vars(loaded[module.name]), packages)
    for module in bundle.modules:
        _refer(module, loaded, late=False)
        _execute(module, vars(loaded[module.name]))
    for module in bundle.modules:
        _refer(module, loaded, late=True)
    function = getattr(loaded[bundle.module], bundle.function, None) if bundle.module in loaded else None
    if not callable(function):
        raise BundleError(f"Expected the bundle to define {bundle.function}, but it does not")
    for module in bundle.modules:
        # Last, so that a workflow that starts itself as a child refers to itself by name.
        vars(loaded[module.name]).update(_with_types(module, loaded))
    _register(bundle.converters, loaded)
    found: Callable[..., Any] = function
    return found


def _with_types(module: BundleModule, loaded: Mapping[str, ModuleType]) -> dict[str, TaskStub | WorkflowStub]:
    """Return the tasks and children of a module with the types of their results."""
    found: dict[str, TaskStub | WorkflowStub] = {**module.tasks, **module.workflows}
    for name, stub in found.items():
        if stub.returns:
            kind = LoadedTask if isinstance(stub, TaskStub) else LoadedWorkflow
            found[name] = kind(**msgspec.structs.asdict(stub), result_type=_type(stub, loaded))
    return found


def _type(stub: TaskStub | WorkflowStub, loaded: Mapping[str, ModuleType]) -> Any:
    namespace = vars(loaded[stub.returns_in]) if stub.returns_in else {"__builtins__": _builtins(NO_PACKAGES)}
    try:
        return eval(stub.returns, namespace)  # noqa: S307 (an annotation of the author's, like the code around it)
    except Exception as error:
        raise BundleError(f"Expected {stub.returns}, which {stub.name} returns, to be a type, but {error}") from error


def _register(converters: Sequence[tuple[Place, Place, Place]], loaded: Mapping[str, ModuleType]) -> None:
    for places in converters:
        kind, encode, decode = (getattr(loaded.get(module) or sys.modules[module], name) for module, name in places)
        converter(kind, encode=encode, decode=decode)


def _fill(module: BundleModule, namespace: dict[str, Any], packages: frozenset[str]) -> None:
    namespace["__builtins__"] = _builtins(packages)
    for name, (origin, attribute) in module.imports.items():
        try:
            found = _import_allowed(origin, attribute, packages)
            namespace[name] = getattr(found, attribute) if attribute else found
        except (ImportError, AttributeError) as error:
            raise BundleError(str(error)) from error
    for name, literal in module.constants.items():
        namespace[name] = ast.literal_eval(literal)
    namespace.update(module.tasks)
    namespace.update(module.workflows)


def _execute(module: BundleModule, namespace: dict[str, Any]) -> None:
    file = _shown_as(module)
    try:
        code = compile(module.source, file, "exec", flags=_FLAGS, dont_inherit=True)
        exec(code, namespace)  # noqa: S102 (running the author's code is what a definition is for)
    except Exception as error:
        raise BundleError(f"Expected the code of {file} to load, but {type(error).__name__}: {error}") from error


def _shown_as(module: BundleModule) -> str:
    """Return the file name that tracebacks show for a bundle's module, and let them find its text: the lines of the
    bundle are not those of the author's file, which may have changed since, or stand on another machine.
    """
    text = module.source
    name = f"<{module.file or module.name} as deployed, {hashlib.sha256(text.encode()).hexdigest()[:8]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return name


def _refer(module: BundleModule, loaded: Mapping[str, ModuleType], *, late: bool) -> None:
    """Bind what a module has from others. While modules that refer to each other are loaded, some of it is not there
    yet.
    """
    namespace = vars(loaded[module.name])
    for name, (origin, attribute) in module.references.items():
        source = loaded[origin]
        if not attribute:
            namespace[name] = source
        elif hasattr(source, attribute):
            namespace[name] = getattr(source, attribute)
        elif late:
            raise BundleError(f"Expected {origin} to define {attribute}, but it does not")


def _import_allowed(module: str, name: str, packages: frozenset[str]) -> ModuleType:
    reason = refusal_of_module(module, name, packages)
    if reason:
        raise ImportError(reason)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Expected {module} to be installed here, since a workflow uses it, but {error}; install the same version "
            "beside the decision service and where workflows are deployed from"
        ) from error


def _guarded_import(
    packages: frozenset[str],
    name: str,
    _globals: Any = None,
    _locals: Any = None,
    fromlist: Sequence[str] | None = None,
    level: int = 0,
) -> ModuleType:
    if isinstance(fromlist, list):
        # Not a statement, which passes a tuple or None, but C code of an allowed module (PyImport_Import): strftime
        # needs time.
        return importlib.import_module(name)
    if level:
        raise ImportError(
            "Expected imports of your own modules at the top of the file, but found one within a function"
        )
    for wanted in fromlist or ("",):
        _import_allowed(name, wanted, packages)
    found = importlib.import_module(name)
    return found if fromlist else importlib.import_module(name.partition(".")[0])


@lru_cache(maxsize=16)
def _builtins(packages: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in vars(builtins).items() if name not in REFUSED_BUILTINS}
    return {**kept, "__import__": partial(_guarded_import, packages)}
