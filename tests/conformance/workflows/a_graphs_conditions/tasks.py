"""Tasks."""

from __future__ import annotations


def fence() -> None:
    """Never runs."""


def dig() -> None:
    """Fails."""


def drink() -> None:
    """Never runs."""


def tidy() -> None:
    """Always runs."""
