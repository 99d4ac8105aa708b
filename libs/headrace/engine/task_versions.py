"""Versions of task code, `MAJOR.MINOR`, and which of them may run a task of a run that began with one of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

OWN, COMPATIBLE, ANY = "own", "compatible", "any"
TASK_VERSIONS = (OWN, COMPATIBLE, ANY)
"""Which versions may run the tasks of a run: the one that it was deployed with; newer ones of the same major, too;
all.
"""
UNVERSIONED = "0"
"""The version of a task that says none."""
# Six digits hold a date, too; more is a slip of the key.
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?\Z", re.ASCII)


def check_version(value: Any) -> str:
    """Return a version of a task.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and _VERSION.match(value):
        return value
    raise ValueError(f'Expected a version such as "1.4" (MAJOR.MINOR), but found {value!r}')


def check_task_versions(value: Any) -> str:
    """Return which versions may run a task.

    Raises:
        ValueError: it is none of `TASK_VERSIONS`.
    """
    if value in TASK_VERSIONS:
        return str(value)
    raise ValueError(f"Expected one of {', '.join(TASK_VERSIONS)}, but found {value!r}")


def may_run(found: str, wanted: str, task_versions: str) -> bool:
    """Tell whether a worker's version of a task may run one that was deployed with the version `wanted`; empty: any."""
    if not wanted or task_versions == ANY:
        return True
    has, wants = _parsed(found), _parsed(wanted)
    if has is None or wants is None:
        return found == wanted
    return has == wants if task_versions == OWN else has[0] == wants[0] and has[1] >= wants[1]


def described(wanted: str, task_versions: str) -> str:
    """Return what a version must be, for people."""
    return f"version {wanted}" if task_versions == OWN else f"version {wanted} or a newer one of the same major"


@lru_cache(maxsize=1_024)
def _parsed(version: str) -> tuple[int, int] | None:
    """Return major and minor; None for what is no version: it comes from a worker that is none of ours."""
    if not _VERSION.match(version):
        return None
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)
