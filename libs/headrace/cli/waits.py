"""Why a workflow does not go on: what the read API knows, as a few texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.client.client import Client

# A fan-out of thousands without a worker has one reason; a few of its tasks tell it.
SHOWN_TASKS = 3


def why(client: Client, answer: Mapping[str, Any]) -> list[str]:
    """Return why a workflow, as `get` shows it, waits; nothing when it does not, or nobody can tell just now."""
    if answer.get("status") == "STUCK":
        reason = answer.get("reason") or answer.get("cause") or "the reason is not known"
        return [f"it is STUCK: {reason}"]
    count = (answer.get("tasks") or {}).get("UNSERVED", 0)
    if not count:
        return []
    from headrace.client.errors import ClientError

    try:
        tasks = client.tasks(answer["id"], status="UNSERVED", limit=SHOWN_TASKS)
    except ClientError:  # it only explains an answer that is there already
        tasks = []
    return texts(tasks, count)


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
