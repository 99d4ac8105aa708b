"""Which directories the apps live in, and a watch over them for `headrace dev --watch`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

from headrace.local.errors import LocalStackError

_SUFFIXES = (".py", ".yaml", ".yml", ".json")
# Editors write a file in several steps; what happens within this time is one change.
_DEBOUNCE_MS = 300


def app_directories(apps: Iterable[str]) -> list[Path]:
    """The directories of files and modules. Nothing is imported: an app may be broken at the moment.

    Raises LocalStackError for what is neither a file nor a module that can be found.
    """
    found = {_directory(app) for app in apps}
    return sorted(each for each in found if not any(other != each and other in each.parents for other in found))


def _directory(app: str) -> Path:
    path = Path(app)
    if path.is_file():
        return path.resolve().parent
    top, _, rest = app.partition(".")
    spec = PathFinder.find_spec(top, [str(Path.cwd()), *sys.path])
    places = list(spec.submodule_search_locations or []) if spec else []
    if places:
        inner = Path(places[0], *rest.split(".")) if rest else Path(places[0])
        return (inner if inner.is_dir() else inner.parent).resolve()
    if spec is not None and spec.origin and not rest:
        return Path(spec.origin).resolve().parent
    raise LocalStackError(f"Expected {app} to be a file or a module that can be imported, but it is neither.")


@contextmanager
def watching(directories: list[Path]) -> Iterator[threading.Event]:
    """An event that is set whenever a file of an app has been saved; whoever acts on it clears it."""
    import watchfiles

    changed, stop = threading.Event(), threading.Event()

    def watch() -> None:
        for _ in watchfiles.watch(
            *directories,
            watch_filter=lambda _, path: path.endswith(_SUFFIXES),
            debounce=_DEBOUNCE_MS,
            stop_event=stop,
            raise_interrupt=False,
        ):
            changed.set()

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield changed
    finally:
        stop.set()
        thread.join()
