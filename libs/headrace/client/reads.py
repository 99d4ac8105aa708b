"""Questions to the read API and its answers. Pure: the clients do the asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from headrace.client.errors import (
    ClientError,
    CommandRefused,
    NoSuchWorkflow,
    NotReachable,
    ReadRefused,
    StartRefused,
    WorkflowFailed,
)

ROOT = "/api/v1"
FAILED = frozenset({"FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT", "STUCK"})
ENDED = FAILED | {"SUCCEEDED"}
REFUSED = "REFUSED"
"""The status of a command that changed nothing."""
Question = tuple[str, dict[str, str]]
# Pauses between two looks at a workflow that runs: quick at first, since many are short, then easy on the API.
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 1.0
# A read API that restarts is back within seconds.
AWAY_S = 30.0
# How long one request may wait for the read model to catch up, and then for the workflow's end: together below common
# proxies' 60 s.
FRESH_S = 20.0
# No longer, since an answer about a workflow that gets stuck is held back until then.
END_S = 5.0


def workflow_question(
    workflow_id: str, *, part: str = "", after: str = "", fresh_s: float = FRESH_S, end_s: float = 0
) -> Question:
    """Return the question for a workflow (or `history`, `tasks`, `logs` of it), at least as fresh as the position
    `after`.
    """
    path = f"{ROOT}/workflows/{quote(workflow_id, safe='')}" + (f"/{part}" if part else "")
    fresh = {"after": after, "timeout": f"{fresh_s:g}"} if after else {}
    return path, fresh | ({"wait": f"{end_s:g}"} if end_s > 0 else {})


def list_question(filters: Mapping[str, Any]) -> Question:
    """Return the question for a list of workflows; filters that are None or empty are left out."""
    return f"{ROOT}/workflows", {name: str(value) for name, value in filters.items() if value not in (None, "")}


def schedule_question(schedule_id: str = "", *, part: str = "", after: str = "", limit: int = 0) -> Question:
    """Return the question for all schedules, for one, or for its `runs` or `history`, at least as fresh as `after`."""
    path = "/".join([f"{ROOT}/schedules", *(quote(each, safe="") for each in (schedule_id, part) if each)])
    fresh = {"after": after, "timeout": f"{FRESH_S:g}"} if after else {}
    return path, fresh | ({"limit": str(min(limit, 500))} if limit else {})


def command_question(command_id: str, *, after: str, fresh_s: float = FRESH_S) -> Question:
    """Return the question for what became of a command, once everything that followed from the position `after` is
    known.
    """
    return f"{ROOT}/commands/{quote(command_id, safe='')}", {"after": after, "timeout": f"{fresh_s:g}"}


def command_refusal(answer: Mapping[str, Any], workflow_id: str) -> CommandRefused | None:
    """Return why a command was refused; None where it was not."""
    if answer.get("status") != REFUSED:
        return None
    command = answer.get("command") or "the command"
    return CommandRefused(workflow_id, command, answer.get("error") or "", answer.get("cause") or "")


def problem(status: int, body: Any, what: str) -> ClientError:
    """Return the error that an answer other than 200 stands for. `body` is its problem document (RFC 9457), if it has
    one.
    """
    detail = body.get("detail") or body.get("title") if isinstance(body, Mapping) else ""
    text = f"Expected the read API to show {what}, but it answered {status}" + (f": {detail}" if detail else "")
    if status == 404:
        return NoSuchWorkflow(f"Expected {what}, but there is no such thing")
    if status in (502, 503, 504):
        return NotReachable(text)
    if 400 <= status < 500:
        return ReadRefused(text)
    return ClientError(text)


def refusal(answer: Mapping[str, Any], workflow_id: str, command_id: str) -> StartRefused | None:
    """Return why a start was refused, as far as the answer about its workflow tells; None where it was not."""
    for found in answer.get("refusals") or ():
        if command_id and found.get("command_id") == command_id:
            return StartRefused(workflow_id, found.get("error") or "", found.get("cause") or "")
    if answer.get("attempt") == 0:  # nothing ever ran under this id
        return StartRefused(workflow_id, answer.get("error") or "", answer.get("cause") or "")
    return None


def outcome(answer: Mapping[str, Any], workflow_id: str) -> WorkflowFailed | None:
    """Return how a workflow failed; None while it runs and when it succeeded."""
    status = answer.get("status", "")
    if status not in FAILED:
        return None
    error = answer.get("error") or ""
    cause = answer.get("cause") or answer.get("reason") or ""
    return WorkflowFailed(workflow_id, status, error, cause)


def next_pause_s(pause_s: float) -> float:
    """Return the pause after this one."""
    return min(pause_s * 1.5, LONGEST_PAUSE_S)
