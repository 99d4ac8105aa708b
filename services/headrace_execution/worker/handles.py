"""Keeps the handle of an async task's attempt: in a report to the dispatcher, until its journal holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class HandleKeeper:
    """A `headrace.authoring.outside.Keeper`. `kept` and `elsewhere` are set from the worker's loop."""

    def __init__(self, kept: bytes, note: Callable[[bytes], None], limit_bytes: int) -> None:
        self.kept = kept
        self.elsewhere = False
        self.limit_bytes = limit_bytes
        self._note = note
        self._is_kept = asyncio.Event()

    def note(self, data: bytes) -> None:
        """Begin to keep a handle; one that is kept already needs nothing."""
        if data == self.kept:
            self._is_kept.set()
        else:
            self._note(data)

    async def until_kept(self) -> None:
        """Wait until the journal holds it."""
        await self._is_kept.wait()

    def confirm(self) -> None:
        """The journal holds it. Called on the attempt's loop."""
        self._is_kept.set()
