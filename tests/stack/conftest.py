"""One stack for all tests of this folder that do not break it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.stack import Stack, running_stack

LOG_TAIL = 4_000


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack with two workers and tracing into a file."""
    base = tmp_path_factory.mktemp("stack")
    trace = {"OTEL_TRACES_EXPORTER": "headrace_file", "HEADRACE_TRACE_FILE": str(base / "trace.jsonl")}
    with running_stack(base / "state", base / "scratch", "--workers", "2", **trace) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Put the ends of the services' logs into the report of a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and isinstance(running, Stack):
        for log in [running.scratch / "dev.err", *sorted((running.state / "logs").glob("*.log"))]:
            if log.is_file():
                report.sections.append((log.name, log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]))
    return report
