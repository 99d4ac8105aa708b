"""What the routes share: the pool, the progress of the projection, the limits; and how an answer is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response

from headrace.runtime.status_settings import StatusSettings
from headrace.shard.ports import Bounds, TopicPartition
from headrace_status.api.freshness import News, wait_for_position
from headrace_status.api.graph import Shapes
from headrace_status.api.pool import Pool
from headrace_status.projection.board import Board

JSON = "application/json"
Ends = Callable[[], "dict[TopicPartition, Bounds]"]


class Context(msgspec.Struct, kw_only=True):
    """One API. `ends` asks the log for the ends of all topics; it blocks, and raises `LogAway`."""

    pool: Pool
    board: Board
    news: News
    limits: StatusSettings
    ends: Ends
    shapes: dict[tuple[str, str], Shapes] = msgspec.field(default_factory=dict)
    """Nodes of graph definitions, which never change under a name and version."""

    def answer(self, document: dict[str, Any]) -> Response:
        """Return a document as JSON, with how far behind the log it is."""
        body = msgspec.json.encode({**document, "lag_ms": self.board.lag_ms()})
        return Response(body, media_type=JSON, headers={"Cache-Control": "no-store"})


def context(request: Request) -> Context:
    """Return the context of the app that a request belongs to."""
    return request.app.state.context  # type: ignore[no-any-return]


async def fresh(
    here: Annotated[Context, Depends(context)],
    after: Annotated[
        str, Query(description="Wait until the answer is at least as fresh as this position (partition:offset).")
    ] = "",
    timeout_s: Annotated[
        float | None, Query(alias="timeout", description="Seconds to wait for that; 10 by default.", ge=0)
    ] = None,
) -> Context:
    """Return the context once the read model is as fresh as `after` asks."""
    if after:
        seconds = here.limits.after_default_ms / 1000 if timeout_s is None else timeout_s
        await wait_for_position(here.pool, here.news, here.board, after, min(seconds, here.limits.wait_max_ms / 1000))
    return here


Fresh = Annotated[Context, Depends(fresh)]
