"""Tasks."""

from __future__ import annotations


def ask(token: str) -> None:
    """Ask somebody."""
    assert token
