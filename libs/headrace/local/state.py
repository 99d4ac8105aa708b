"""The state directory: where everything of one local stack lives, and who may use it.

STATE/dev.json            what runs, for the command line (written when ready, rewritten when a pid changes)
STATE/stack.lock          held by the process that runs the stack
STATE/secrets/NAME        passwords, one a file, mode 0600
STATE/logs/NAME.log       one log for each child
STATE/kafka/              the broker's settings and data
STATE/postgres            Postgres' data, or a file that says where it is (see postgres_home.py)
STATE/run/NAME.ready      created by a service when it is ready
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.local.errors import LocalStackError


@dataclass(frozen=True, slots=True)
class StateDir:
    """Paths inside one state directory; `create` makes them."""

    root: Path

    @property
    def dev_json(self) -> Path:
        return self.root / "dev.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    def log(self, name: str) -> Path:
        """The log of a child."""
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make what is missing, for the owner only. Existing directories keep their modes."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (self.logs, self.run, self.secrets, self.kafka):
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LocalStackError(
                f"Expected to make the state directory {self.root}, but: {error}. Choose another one with --state."
            ) from None

    def secret(self, name: str) -> str:
        """The password of that name: made on first use, readable by the owner only. URL-safe characters."""
        path = self.secrets / name
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(24))
            unfinished.rename(path)
        return path.read_text("ascii")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process. Raises LocalStackError, with the holder's pid, when another has it.

        The kernel drops the lock when the process ends, so a killed stack leaves nothing to clean up.
        """
        with open(self.root / "stack.lock", "a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise LocalStackError(
                    f"Expected the state directory {self.root} to be free, but process {holder} runs a stack in it. "
                    "Stop that one, or choose another directory with --state."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def discard(path: Path) -> None:
    """Delete a directory, if there is one. Interrupted halfway, it is gone all the same: half of a data directory would
    look like a damaged one. What is left of it then goes with the next call.
    """
    removed = path.with_name(f"{path.name}.removed")
    shutil.rmtree(removed, ignore_errors=True)
    if path.is_dir() and not path.is_symlink():
        path.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)
