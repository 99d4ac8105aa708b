"""A process that crashes beside one that does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from headrace.runtime.execution_settings import ExecutionSettings
from tests.component.execution import pooled
from tests.component.execution.mill import Mill

SETTINGS = ExecutionSettings(pools="cpu=2")


def play(mill: Mill) -> None:
    with tempfile.TemporaryDirectory() as folder:
        go = Path(folder) / "go"
        mill.start_worker("a", [pooled.crash, pooled.wait_for])
        mill.schedule("wait_for", f'"{go}"'.encode())
        mill.until(lambda: bool(list(go.parent.iterdir())))
        mill.schedule("crash", b'"exit"')
        mill.until(lambda: len(mill.results()) == 1)
        go.touch()
        mill.until(lambda: len(mill.results()) == 2)
