"""Payloads that are too large for the log: from clients to tasks, from task to task, and back to clients."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from headrace import AsyncClient
from headrace.payloads.large import reference_of
from tests.stack.stack import Stack, wait_until

COUNT = 600_000
MORE = 700_000


def test_large_values_pass_through_everything_and_are_fetched_where_they_are_used(stack: Stack) -> None:
    workflow_id = f"large-{uuid.uuid4().hex[:8]}"
    handle = stack.client.start("large", count=COUNT, more=[1] * MORE, id=workflow_id)
    found = handle.result(timeout=60)
    assert found == {
        "made": [7] * COUNT,
        "totals": [7 * COUNT, 14 * COUNT, MORE],
        "child": 7 * COUNT,
        "unseen": True,
    }
    shown = stack.get(f"/workflows/{workflow_id}")
    reference = reference_of(shown["output"]["made"])
    assert reference is not None
    assert reference.size == COUNT * 2 + 1
    assert shown["input"]["count"] == COUNT
    made = reference_of(shown["input"]["more"])
    assert made is not None
    assert made.size == MORE * 2 + 1
    tasks = {item["name"]: item for item in stack.get(f"/workflows/{workflow_id}/tasks")["items"]}
    assert tasks["doubled_rows"]["output_bytes"] < 1_000
    folder = stack.state / "blobs" / reference.blob[7:9]
    assert (folder / reference.blob).stat().st_size == reference.size


def test_the_command_line_shows_the_reference_and_fetches_what_it_waits_for(stack: Stack) -> None:
    workflow_id = f"large-{uuid.uuid4().hex[:8]}"
    given = json.dumps({"count": COUNT, "more": []})
    waited = stack.cli("start", "large", "--id", workflow_id, "--input", given, "--wait", "--json")
    assert waited.returncode == 0, waited.stderr
    assert json.loads(waited.stdout)["output"]["made"] == [7] * COUNT
    shown = json.loads(stack.cli("get", workflow_id, "--json").stdout)
    assert reference_of(shown["output"]["made"]) is not None


def test_an_async_client_does_not_wait_for_the_store_on_its_loop(stack: Stack) -> None:
    async def journey() -> Any:
        async with AsyncClient(stack.settings) as client:
            handle = await client.start("large", count=3, more=[1] * MORE, id=f"large-{uuid.uuid4().hex[:8]}")
            return await handle.result(timeout=60)

    assert asyncio.run(journey())["totals"] == [21, 42, MORE]


def test_a_blob_that_is_gone_is_said_where_it_is_needed(stack: Stack) -> None:
    first = f"gone-{uuid.uuid4().hex[:8]}"
    secret = [len(first), *first.encode(), *([5] * MORE)]
    (stack.scratch / first).unlink(missing_ok=True)
    stack.client.start("waits_then_adds", name=first, values=secret, id=first)
    found = wait_until("the start", lambda: stack.look(f"/workflows/{first}"))
    reference = reference_of(found["input"]["values"])
    assert reference is not None
    (stack.state / "blobs" / reference.blob[7:9] / reference.blob).unlink()
    (stack.scratch / first).write_text("go on", encoding="utf-8")
    ended = stack.closed(first)
    assert (ended["status"], ended["error"]) == ("FAILED", "headrace.BlobUnavailable")
    assert f"Expected blob {reference.blob} in" in ended["cause"]
