"""One server for all the processes of a test run (pytest-xdist starts several).

The first process that needs it starts it and stops it last: everybody who uses it holds a shared lock, and the owner
waits until it can have that lock alone. A process that crashes lets go of its lock by that.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

Address = dict[str, str]


@contextmanager
def shared(root: Path, name: str, start: Callable[[], AbstractContextManager[Address]]) -> Iterator[Address]:
    """The address that `start` gave, in this process or in the one that came first. `root` is the run's directory."""
    address_path = root / f"{name}.json"
    with ExitStack() as mine, open(root / f"{name}.users", "w", encoding="ascii") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with open(root / f"{name}.starting", "w", encoding="ascii") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            is_owner = not address_path.exists()
            if is_owner:
                address = mine.enter_context(start())
                address_path.write_text(json.dumps(address), "utf-8")
            else:
                address = json.loads(address_path.read_text("utf-8"))
        try:
            yield address
        finally:
            if is_owner:
                fcntl.flock(users, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX)
                address_path.unlink()
                mine.close()
