"""Imports an author's modules and files: under the name that they would have anywhere, with errors that say file and
line.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from headrace.engine.graph.problems import InvalidDefinition, Problem


def load_module(name_or_file: str) -> ModuleType:
    """Import a module by its dotted name, or a `.py` file.

    A file within packages gets its full name (`examples/census/tasks.py` is `examples.census.tasks`), any other its
    stem; the folder that this name begins in is put on `sys.path`, so that imports between the author's files work as
    they do for `python file.py`.

    Raises:
        InvalidDefinition: there is no such thing, or its code does not load.
    """
    if not name_or_file.endswith(".py"):
        return _import(name_or_file, source=name_or_file)
    path = Path(name_or_file).resolve()
    if not path.is_file():
        raise _problem(name_or_file, 0, "Expected a file, but there is none")
    root, name = _place(path)
    _prepend(root)
    loaded = sys.modules.get(name)
    if loaded is not None and _file_of(loaded) != path:
        name = f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    return _import(name, source=name_or_file) if "." in name else _execute(name, path, source=name_or_file)


def _place(path: Path) -> tuple[Path, str]:
    """Return the folder that belongs on `sys.path` and the dotted name of a file."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts) or path.parent.name


def _prepend(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _import(name: str, *, source: str) -> ModuleType:
    _prepend(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            text = f"Expected a module or a file (.py, .yaml, .yml), but there is no {error.name}"
            raise _problem(source, 0, text) from error
        raise _broken(error, source) from error
    except (Exception, SystemExit) as error:
        raise _broken(error, source) from error


def _execute(name: str, path: Path, *, source: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(error, source) from error
    return module


def _broken(error: BaseException, source: str) -> InvalidDefinition:
    """Return what an import raised as a problem, at the innermost line that is the author's."""
    if isinstance(error, SyntaxError):
        return _problem(error.filename or source, error.lineno or 0, f"Expected Python, but {error.msg}")
    file, line = source, 0
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith("<") and not _is_ours(frame.filename):
            file, line = frame.filename, frame.lineno or 0
    text = (
        str(error) if str(error).startswith("Expected") else f"Expected it to load, but {type(error).__name__}: {error}"
    )
    return _problem(file, line, text)


def _is_ours(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(Path(__file__).parents[1]) or path.is_relative_to(Path(importlib.__file__).parent)


def _problem(file: str, line: int, message: str) -> InvalidDefinition:
    return InvalidDefinition([Problem(file=file, line=line, path="", message=message)])
