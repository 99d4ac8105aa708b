"""Names of schemas: a namespace has two, one for data and one for the views, so several namespaces can share a
database.
"""

from __future__ import annotations

import hashlib
import re

# Postgres cuts identifiers at 63 bytes; the data schema's suffix must fit, too.
_LONGEST = 55


def view_schema(namespace: str) -> str:
    """Return the schema of a namespace's views: its name where Postgres needs no quotes for that, else a readable one
    with a hash.
    """
    if re.fullmatch(r"[a-z][a-z0-9_]{0,54}", namespace) and not namespace.startswith("pg_"):
        return namespace
    digest = hashlib.sha256(namespace.encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9_]", "_", namespace.lower()).lstrip("_0123456789")
    return f"hr_{readable}"[: _LONGEST - 9] + f"_{digest}"


def data_schema(namespace: str) -> str:
    """Return the schema of a namespace's tables."""
    return f"{view_schema(namespace)}_data"
