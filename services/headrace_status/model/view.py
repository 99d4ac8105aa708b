"""What a view is, and how columns are shown in it."""

from __future__ import annotations

from typing import NamedTuple

from headrace_status.model import view_docs


class View(NamedTuple):
    """One view: its query over the data schema `{data}`, and what it is about. Its columns are documented in
    `view_docs`.
    """

    name: str
    query: str
    doc: str

    @property
    def columns(self) -> dict[str, str]:
        """Return what each column means, by name, in order."""
        return view_docs.COLUMNS[self.name]


def as_timestamp(column: str) -> str:
    """Return a column of ms since the epoch as a timestamp; 0 means that there is none."""
    return f"to_timestamp(NULLIF({column}, 0)::float8 / 1000)"


def as_time(column: str, name: str = "") -> str:
    """Return a column of ms since the epoch as a timestamp, under its own name or another."""
    return f"{as_timestamp(column)} AS {name or column.rsplit('.', maxsplit=1)[-1]}"


def as_text(column: str, name: str = "") -> str:
    """Return a column of text in which an empty one means none, under its own name or another."""
    return f"NULLIF({column}, '') AS {name or column.rsplit('.', maxsplit=1)[-1]}"
