"""Readiness: a service says once that it is ready, by touching the file that whoever started it watches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

READY_FILE = "HEADRACE_READY_FILE"


def ready(environ: Mapping[str, str] | None = None) -> None:
    """Touch the file named by `HEADRACE_READY_FILE`; without that variable, do nothing.

    Raises:
        OSError: the file cannot be made; whoever waits for it must not wait in vain.
    """
    name = (os.environ if environ is None else environ).get(READY_FILE)
    if name:
        Path(name).touch()
