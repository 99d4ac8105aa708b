"""Where Postgres keeps its data.

As a plain user: STATE/postgres, a directory. As root: a directory in /var/tmp, since the unprivileged user that
Postgres runs as cannot reach a state directory in root's home; STATE/postgres is then a file that names it.

That directory belongs to root and only the data in it to the user: so nobody but root can swap what lies in it for a
link, and root can work in it safely.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

from headrace.local.errors import LocalStackError
from headrace.local.postgres_binaries import SHARED_ROOT
from headrace.local.process import User
from headrace.local.state import discard

_PREFIX = "headrace-postgres-data-"
# Locks on the directories that this process uses; the kernel drops them when it ends.
_held: list[int] = []


def open_home(pointer: Path, user: User | None) -> Path:
    """The directory for Postgres' data, made when it is missing. `pointer` is STATE/postgres."""
    if user is None:
        _require_no_file(pointer)
        pointer.mkdir(mode=0o700, exist_ok=True)
        return pointer
    _sweep()
    if pointer.is_file():
        home = Path(pointer.read_text("utf-8"))
        if home.exists():
            _require_ours(home)
            _hold(home)
            return home
    # The kernel picks a name that did not exist, so nobody can have prepared it.
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=SHARED_ROOT))
    home.chmod(0o711)
    unfinished = pointer.with_name("postgres.unfinished")
    unfinished.write_text(str(home), "utf-8")
    unfinished.rename(pointer)
    _hold(home)
    (home / "state").write_text(str(pointer.resolve()), "utf-8")
    return home


def remove_home(pointer: Path) -> None:
    """Delete Postgres' data, wherever it is. Nothing happens when there is none."""
    if pointer.is_file():
        home = Path(pointer.read_text("utf-8"))
        # Without its pointer it is nobody's: interrupted here, the next sweep deletes it.
        pointer.unlink()
        # The pointer is a file that somebody may have edited: delete nothing but what carries our name.
        if home.parent == SHARED_ROOT and home.name.startswith(_PREFIX) and not home.is_symlink():
            shutil.rmtree(home, ignore_errors=True)
    else:
        discard(pointer)


def _sweep() -> None:
    """Delete data that no state directory points to any more: nothing else would ever find it again."""
    for home in SHARED_ROOT.glob(f"{_PREFIX}*"):
        if _is_ours(home) and not _is_pointed_to(home) and not _is_held(home):
            shutil.rmtree(home, ignore_errors=True)


def _is_pointed_to(home: Path) -> bool:
    try:
        pointer = Path((home / "state").read_text("utf-8"))
    except FileNotFoundError:
        return True  # Being made at this moment: the file is written last.
    return pointer.is_file() and pointer.read_text("utf-8") == str(home)


def _hold(home: Path) -> None:
    """Keep others from sweeping it: a container that shares /var/tmp with us does not see our state directory."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _held.append(descriptor)


def _is_held(home: Path) -> bool:
    with open(home / "lock", "a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_ours(home: Path) -> bool:
    found = os.lstat(home)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _require_ours(home: Path) -> None:
    if home.parent != SHARED_ROOT or not _is_ours(home):
        raise LocalStackError(
            f"Expected {home} to be a directory that only root can write, but it is not. Begin anew with --fresh."
        )


def _require_no_file(pointer: Path) -> None:
    if pointer.is_file():
        raise LocalStackError(
            f"Expected {pointer} to be a directory, but it is a file: this state was made by root. "
            "Run as root, or choose another directory with --state."
        )
