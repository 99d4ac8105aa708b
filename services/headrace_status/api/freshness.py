"""Answers that wait: until the read model is fresh enough, or until a workflow is closed.

A waiting request holds no connection and no thread: it looks again whenever the projector has committed, and now and
then by itself, since the projector at work may live in another process.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

from headrace_status.api.pool import Pool
from headrace_status.api.problems import Problem, bad_request
from headrace_status.projection.board import Board

T = TypeVar("T")
# Between two looks at least: a busy projector commits a hundred times a second.
_SHORTEST_S = 0.02
# Without news from our own projector we look this often.
_LONGEST_S = 0.5
_PASSED = """
SELECT COALESCE((SELECT "offset" >= %(offset)s FROM inputs
                 WHERE shard = %(partition)s AND topic = 'workflow.commands' AND partition = %(partition)s), false)
   AND NOT EXISTS (
     SELECT 1 FROM forwards WHERE partition = %(partition)s AND command_offset =
       (SELECT min(command_offset) FROM forwards WHERE partition = %(partition)s AND command_offset >= %(offset)s)
   ) AS passed
"""


class News:
    """Wakes waiting requests when the projector of this process has committed."""

    def __init__(self, board: Board) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self.awaited = board.waiting
        """A context in which the projector hurries."""
        self.close = board.subscribe(self._committed)

    def _committed(self) -> None:
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    def coming(self) -> asyncio.Event:
        """Return what the next commit sets. Taken before a look, it tells of a commit that came while looking, too."""
        return self._event

    async def wait(self, coming: asyncio.Event, seconds: float) -> None:
        """Wait for news, at most so long."""
        try:
            await asyncio.wait_for(coming.wait(), seconds)
        except TimeoutError:
            return


async def until(look: Callable[[], Awaitable[T]], done: Callable[[T], bool], news: News, seconds: float) -> T:
    """Look until what is seen is done, or the time is over; return what was seen last."""
    deadline = time.monotonic() + seconds
    coming = news.coming()
    seen = await look()
    if done(seen):
        return seen
    with news.awaited():
        while not done(seen) and (left := deadline - time.monotonic()) > 0:
            await asyncio.sleep(min(_SHORTEST_S, left))
            await news.wait(coming, max(min(_LONGEST_S, deadline - time.monotonic()), 0))
            coming = news.coming()
            seen = await look()
    return seen


async def wait_for_position(pool: Pool, news: News, board: Board, after: str, seconds: float) -> None:
    """Wait until everything is in the rows that follows from the command at a position of `workflow.commands`.

    Raises:
        Problem: the position is none, or the rows are not that fresh in time.
    """
    match = re.fullmatch(r"(\d{1,9}):(\d{1,18})", after)
    if match is None:
        raise bad_request(
            f"Expected a position such as 3:1042 (partition and offset on workflow.commands), but found {after!r}"
        )
    values = {"partition": int(match[1]), "offset": int(match[2])}

    async def look() -> bool:
        return bool((await pool.rows(_PASSED, values))[0]["passed"])

    if not await until(look, bool, news, seconds):
        raise Problem(
            HTTPStatus.GATEWAY_TIMEOUT,
            f"Expected the read model to have passed {after} within {seconds:g} s, but it has not. It is "
            f"{board.lag_ms()} ms behind the log; "
            "the decision service may be away, or the command has not been decided yet",
            lag_ms=board.lag_ms(),
            after=after,
        )
