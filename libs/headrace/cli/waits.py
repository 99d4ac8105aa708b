"""Why a workflow does not go on: what the read API knows, as a few texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.client.client import Client

# A fan-out of thousands without a worker has one reason; a few of its tasks tell it.
SHOWN_TASKS = 3
SHOWN_WAITS = 5


def why(client: Client, answer: Mapping[str, Any]) -> list[str]:
    """Return why a workflow, as `get` shows it, waits; nothing when it does not, or nobody can tell just now."""
    if answer.get("status") == "STUCK":
        reason = answer.get("reason") or answer.get("cause") or "the reason is not known"
        return [f"it is STUCK: {reason}"]
    if answer.get("status") == "PAUSED":
        return [f"it is PAUSED; `headrace resume {answer.get('id')}` lets it go on"]
    count = (answer.get("tasks") or {}).get("UNSERVED", 0)
    if not count:
        return outside(answer.get("waiting_for") or ())
    from headrace.client.errors import ClientError

    try:
        tasks = client.tasks(answer["id"], status="UNSERVED", limit=SHOWN_TASKS)
    except ClientError:  # it only explains an answer that is there already
        tasks = []
    return texts(tasks, count)


def outside(waiting_for: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a text for each of the first steps that wait for something else than a worker."""
    found = [_wait_text(wait) for wait in waiting_for if wait.get("kind") != "task"]
    more = len(found) - SHOWN_WAITS
    return [*found[:SHOWN_WAITS], f"{more} more"] if more > 0 else found


def _wait_text(wait: Mapping[str, Any]) -> str:
    until = f" until {wait['due_at']}" if wait.get("due_at") else ""
    match wait.get("kind"):
        case "timer":
            return f"{wait.get('name')} sleeps{until}"
        case "child":
            return f"child workflow {wait.get('target')}"
        case _:
            name = f"{wait['name']} " if wait.get("name") else ""
            return f"{name}{wait.get('reason') or wait.get('kind')}{until}"


def texts(tasks: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """Return a text for each task, and one for those of all `count` that are not among them."""
    found = [_text(task) for task in tasks]
    more = count - len(found)
    if more > 0:
        found.append(f"{more}{' more' if found else ''} {'task is' if more == 1 else 'tasks are'} UNSERVED")
    return found


def _text(task: Mapping[str, Any]) -> str:
    index = task.get("index")
    name = f"{task.get('name')}[{index}]" if index is not None else f"{task.get('name')}"
    reason = task.get("reason") or f"no worker offers it on queue '{task.get('queue')}'"
    return f"task {name} is {task.get('status')}: {reason}"
