"""What the folders under `tests/conformance` promise of graphs, on the real stack: those that say `stack: true`."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from tests.conformance.folders import GRAPH, TASKS, Promise, promises
from tests.stack.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)
PROMISES = [each for each in promises(GRAPH) if each.expected().stack]
FAR_S = 120


@pytest.fixture(scope="module")
def worker(stack: Stack) -> Iterator[str]:
    """A worker with the tasks of all these folders; it takes their queue."""
    apps = [part for each in PROMISES for part in ("--app", str(each.folder / TASKS))]
    command = [sys.executable, "-m", "headrace", "service", "worker", *apps, "--name", "conformance"]
    with (stack.scratch / "conformance.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env={**os.environ, **stack.environment}, stdout=log, stderr=log)
        try:
            wait_until("the worker to join", lambda: _joined(stack), FAR_S)
            yield "conformance"
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("promise", PROMISES, ids=[each.name for each in PROMISES])
def test_a_graph_ends_as_promised(stack: Stack, worker: str, promise: Promise) -> None:
    expected = promise.expected()
    deployed = stack.cli("deploy", str(promise.folder / GRAPH))
    assert deployed.returncode == 0, deployed.stderr
    key = f"{promise.folder.name}-{uuid.uuid4().hex[:8]}"
    stack.client.start(promise.folder.name, expected.input, id=key)
    found = stack.closed(key, FAR_S)
    assert found["status"] == expected.status, f"{found}, worker {worker}"
    assert found["output"] == expected.output


def _joined(stack: Stack) -> bool | None:
    found = stack.look("/workers")
    return any(each["name"] == "conformance" for each in found["items"]) or None if found else None
