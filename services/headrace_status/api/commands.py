"""What became of a command, by its id: senders ask this, since commands themselves are not answered."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from headrace_status.api import lists, openapi
from headrace_status.api.context import Fresh
from headrace_status.api.problems import Problem

router = APIRouter(tags=["workflows"])
_PROPERTIES: dict[str, Any] = {
    "id": {"type": "string", "description": "Id of the command."},
    "status": {"type": "string", "enum": ["ACCEPTED", "REFUSED"]},
    "command": {"type": ["string", "null"], "description": "Type of a command that was refused."},
    "workflow_id": {"type": ["string", "null"], "description": "Workflow that a refused command was for."},
    "error": {"type": ["string", "null"], "description": "Name of the refusal."},
    "cause": {"type": ["string", "null"], "description": "What was expected, what was found, what to do."},
    "at": {"type": ["string", "null"], "format": "date-time", "description": "When it was refused."},
}
_REFUSAL = """
SELECT command, workflow_id, error, cause, at FROM refusals WHERE command_id = %s ORDER BY at DESC LIMIT 1
"""


@router.get(
    "/commands/{id:path}",
    responses=openapi.one_responses({"type": "object", "properties": _PROPERTIES}, "What became of the command."),
)
async def get_command(
    request: Request,
    here: Fresh,
    id: Annotated[str, Path(description="Id of the command.")],  # noqa: A002  the name in the path
    after: Annotated[str, Query(description="Where the command stands: its answer waits for that.")] = "",
) -> Response:
    """Show whether a command was refused. With `after`, its own position, one that was not refused is ACCEPTED: it was
    decided, or waits with a workflow that is stuck. Without it only refusals are known.
    """
    lists.known_parameters(request)
    rows = await here.pool.rows(_REFUSAL, [id]) if id else []
    if rows:
        return here.answer({"id": id, "status": "REFUSED", **rows[0]})
    if not after:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"Expected a command that was refused, but no refusal of {id} is known. Ask with ?after=POSITION (what "
            "sending it returned) to learn that it was accepted",
            lag_ms=here.board.lag_ms(),
        )
    return here.answer({"id": id, "status": "ACCEPTED"})
