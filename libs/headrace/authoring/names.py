"""Names of tasks, workflows, resources and queues."""

from __future__ import annotations

import re

PATTERN = "[a-z][a-z0-9_]*"
# It is part of keys, headers and node names; beyond this it is a mistake.
MAX_CHARACTERS = 100
_NAME = re.compile(PATTERN, re.ASCII)


def check_name(name: object, what: str) -> str:
    """Return a name that fits.

    Raises:
        ValueError: it does not; `what` says in the text whose name it is.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > MAX_CHARACTERS:
        raise ValueError(
            f"Expected the name of {what} to match {PATTERN} ({MAX_CHARACTERS} characters at most), but found {name!r}"
        )
    return name
