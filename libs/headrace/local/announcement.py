"""dev.json: what runs and where, for the command line and for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.local.state import StateDir


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Addresses of the running stack. `postgres` is the DSN of the role that can only read, with its password."""

    kafka: str
    api: str
    postgres: str
    namespace: str
    state: Path

    def line(self, pids: Mapping[str, int]) -> str:
        """The one line of JSON that `headrace dev --json` prints."""
        return json.dumps(
            {
                "ready": True,
                "kafka": self.kafka,
                "api": self.api,
                "postgres": self.postgres,
                "namespace": self.namespace,
                "state": str(self.state),
                "pids": dict(pids),
            }
        )


def write_dev_json(state: StateDir, line: str) -> None:
    """Replace dev.json in one step, so that a reader sees the old or the new one. It holds a password: owner only."""
    unfinished = state.root / "dev.json.unfinished"
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(line + "\n")
    unfinished.replace(state.dev_json)
