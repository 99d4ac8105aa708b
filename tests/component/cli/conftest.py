"""A real Kafka, a prepared read API, and command lines that are run against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from headrace.cli.main import run
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.support.prepared import Outcome, Prepared
from tests.support.read_api import read_api


@pytest.fixture
def prepared(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prepared]:
    ensure_topics(settings)
    monkeypatch.setenv("HEADRACE_KAFKA", settings.kafka)
    monkeypatch.setenv("HEADRACE_NAMESPACE", settings.namespace)
    found = Prepared()
    with read_api(found.next) as found.api:
        monkeypatch.setenv("HEADRACE_API", found.api.address)
        yield found


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run_command(*arguments: str) -> Outcome:
        code = run(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run_command
