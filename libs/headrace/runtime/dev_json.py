"""Finds the running `headrace dev` by the dev.json in its state folder.

A dev.json that a killed one has left counts for nothing: its addresses are nobody's, or somebody else's by now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "dev.json"
STATE = "HEADRACE_STATE"
DEFAULT_STATE = ".headrace"
_ADDRESSES = ("HEADRACE_KAFKA", "HEADRACE_API")


def running_stack(state: str) -> dict[str, Any]:
    """Return what stands in the dev.json of this folder; empty when no stack runs there."""
    found = _read(state)
    return {} if _gone(found) else found


def missing_stack(environ: Mapping[str, str] | None = None) -> str:
    """Return what to say when the environment names a folder, and no address, but no stack runs in it; else nothing."""
    source = os.environ if environ is None else environ
    state = source.get(STATE, "")
    if not state or _has_address(source) or running_stack(state):
        return ""
    pids = _gone(_read(state))
    problem = f"its process {pids[0]} is gone" if pids else f"found no {NAME} there"
    return (
        f"Expected a running `headrace dev` in {state}, but {problem}; start it with `headrace dev --state {state}`, "
        "or set HEADRACE_KAFKA and HEADRACE_API"
    )


def default_stack_hint(environ: Mapping[str, str] | None = None) -> str:
    """Return what to add when the default addresses do not answer and no stack runs here; nothing when others are
    meant.
    """
    source = os.environ if environ is None else environ
    if source.get(STATE) or _has_address(source) or running_stack(DEFAULT_STATE):
        return ""
    return (
        f"No `headrace dev` runs in {DEFAULT_STATE} of this folder, so the default addresses were asked. Start it "
        "here, or set HEADRACE_STATE to its folder, or HEADRACE_KAFKA and HEADRACE_API."
    )


def _has_address(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) for name in _ADDRESSES)


def _read(state: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(state, NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _gone(found: Mapping[str, Any]) -> list[int]:
    """Return the processes of a dev.json when not one of them runs. A single dead one proves nothing: it is about to be
    started again.
    """
    pids = found.get("pids")
    numbers = [pid for pid in pids.values() if isinstance(pid, int) and pid > 0] if isinstance(pids, dict) else []
    return [] if any(_runs(pid) for pid in numbers) else numbers


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's, or a system without /proc
    return stat.rpartition(")")[2].split()[:1] != ["Z"]  # Ended, but nobody has reaped it: common in containers.
