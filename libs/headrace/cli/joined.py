"""Whether a start began a run or joined the one that was there, and what to say then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.client.client import Client, Handle


def has_joined(client: Client, handle: Handle) -> bool | None:
    """Return whether the start that made a handle, and was not refused, only joined; None where nobody can tell."""
    from headrace.client.errors import ClientError

    try:
        starts = client.history(handle.id, after=handle.position, type="WorkflowStarted")
    except ClientError:  # the start itself went well; this is only about how to put it
        return None
    return joins(starts, handle.command_id)


def joins(starts: Iterable[Mapping[str, Any]], command_id: str) -> bool | None:
    """Tell from the WorkflowStarted events of an id whether a command began none of its runs; None without any."""
    began = [(start.get("detail") or {}).get("command_id") for start in starts]
    return command_id not in began if began else None


def text(workflow_id: str, status: str) -> str:
    """Return what a start that joined has to say; `status` is the workflow's."""
    from headrace.client.reads import ENDED

    rerun = "; --if-exists rerun starts it again" if status in ENDED - {"STUCK"} else ""
    return f"{workflow_id} exists already and is {status}{rerun}"
