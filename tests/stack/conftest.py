"""One stack for all tests of this folder that do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack with two workers and tracing into a file."""
    base = tmp_path_factory.mktemp("stack")
    trace = {"OTEL_TRACES_EXPORTER": "headrace_file", "HEADRACE_TRACE_FILE": str(base / "trace.jsonl")}
    with running_stack(base / "state", base / "scratch", "--workers", "2", **trace) as running:
        yield running
