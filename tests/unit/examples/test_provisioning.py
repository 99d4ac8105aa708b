"""The provisioning example, in memory, with a cloud of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.provisioning import provisioning
from headrace.contracts.task_events import TaskScheduled
from headrace.testing import fail, run_workflow, start_workflow


@pytest.fixture(autouse=True)
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(provisioning, "CLOUD", tmp_path / "cloud")
    return tmp_path / "cloud"


def test_a_server_is_made(cloud: Path) -> None:
    run = run_workflow(provisioning.provision, {"name": "blog"})
    assert run.status == "SUCCEEDED", run.cause
    assert run.output == {"server": "server-blog", "address": "10.0.0.11"}
    assert sorted(path.name for path in cloud.iterdir()) == ["disk-blog", "network-blog", "server-blog"]


def test_what_fails_is_taken_down_in_reverse(cloud: Path) -> None:
    run = run_workflow(provisioning.provision, {"name": "broken"})
    assert (run.status, run.error) == ("FAILED", "NonRetryable")
    assert not list(cloud.iterdir())
    scheduled = [event for event in run.events if isinstance(event, TaskScheduled) and event.task == "destroy"]
    assert [event.input for event in scheduled] == [b'"server-broken"', b'"disk-broken"', b'"network-broken"']


def test_only_what_was_made_is_taken_down(cloud: Path) -> None:
    run = run_workflow(provisioning.provision, {"name": "blog"}, failures=[fail("create", OSError("no room"))])
    assert run.status == "FAILED"
    assert not [event for event in run.events if isinstance(event, TaskScheduled) and event.task == "destroy"]


def test_a_cancelled_one_is_taken_down(cloud: Path) -> None:
    failures = {"wait_until_up": [provisioning.NonRetryable]}
    with start_workflow(provisioning.provision, {"name": "blog"}, failures=failures) as run:
        assert run.status == "FAILED"
    assert not list(cloud.iterdir())
