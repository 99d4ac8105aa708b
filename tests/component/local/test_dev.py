"""`headrace dev` on real servers with stub services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.component.local.conditions import is_running, wait_until
from tests.component.local.running import (
    COMMAND,
    ENVIRONMENT,
    RunningDev,
    removed_afterwards,
    running_dev,
    wait_gone,
)

NAMES = ["kafka", "postgres", "decision", "dispatcher", "worker", "resources", "listener", "status"]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    with removed_afterwards(tmp_path / "state") as path:
        yield path


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDev]:
    """One that runs for all tests that do not end it: a start costs some seconds."""
    with removed_afterwards(tmp_path_factory.mktemp("dev") / "state") as path, running_dev(path) as running:
        yield running


def _modes(path: Path) -> dict[str, int]:
    return {str(each): each.stat().st_mode for each in (path, *path.parents)}


def _cluster_id(dev: RunningDev) -> str:
    admin = AdminClient({"bootstrap.servers": dev.announced()["kafka"]})
    return str(admin.list_topics(timeout=30).cluster_id)


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_it_announces_what_runs(dev: RunningDev) -> None:
    announced = dev.announced()
    assert list(announced["pids"]) == NAMES
    assert all(is_running(pid) for pid in announced["pids"].values())
    assert announced["ready"] is True
    assert announced["state"] == str(dev.state)
    assert announced["postgres"].startswith("postgresql://headrace_reader:")
    with psycopg.connect(announced["postgres"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("headrace_reader",)
    assert (dev.state / "dev.json").stat().st_mode & 0o777 == 0o600


def test_a_second_one_on_the_same_state_is_refused(dev: RunningDev) -> None:
    command = [*COMMAND, str(dev.state), "fresh=true"]
    second = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"process {dev.process.pid} runs a stack in it" in second.stderr
    assert "Traceback" not in second.stderr
    assert all(is_running(pid) for pid in dev.pids().values())


def test_what_dies_is_started_again_and_its_data_is_there(dev: RunningDev) -> None:
    before, dying = dev.pids(), ("kafka", "postgres", "worker")
    cluster_id = _cluster_id(dev)
    admin = AdminClient({"bootstrap.servers": dev.announced()["kafka"]})
    admin.create_topics([NewTopic("kept", num_partitions=1)])["kept"].result(30)
    for name in dying:
        os.kill(before[name], signal.SIGKILL)
    wait_until("new pids", lambda: all(dev.pids()[name] != before[name] for name in dying))
    for name in dying:
        assert f"{name} (pid {before[name]}) ended with signal SIGKILL" in dev.stderr()
    others = set(NAMES) - set(dying)
    assert {name: dev.pids()[name] for name in others} == {name: before[name] for name in others}
    wait_until("Postgres answers", lambda: _answers(dev.announced()["postgres"]))
    assert _cluster_id(dev) == cluster_id
    assert "kept" in admin.list_topics(timeout=30).topics


def test_two_run_side_by_side_and_ctrl_c_ends_all_of_one(dev: RunningDev, state: Path) -> None:
    modes = _modes(state.parent)
    with running_dev(state, "workers=2", "json=true") as second:
        announced = second.announced()
        for name in ("kafka", "api", "postgres"):
            assert dev.announced()[name] != announced[name]
        assert [name for name in announced["pids"] if "worker" in name] == ["worker-1", "worker-2"]

        second.process.send_signal(signal.SIGINT)
        printed, _ = second.process.communicate()
        assert json.loads(printed) == announced
        assert second.process.returncode == 0
        assert not any(is_running(pid) for pid in announced["pids"].values())
        assert not (state / "dev.json").exists()
    assert _modes(state.parent) == modes
    assert all(is_running(pid) for pid in dev.pids().values())


def test_nothing_outlives_it_when_it_is_killed_and_its_data_is_kept(state: Path) -> None:
    with running_dev(state) as dev:
        cluster_id, pids = _cluster_id(dev), dev.pids()
        dev.process.kill()
        wait_gone(pids)
    with running_dev(state) as dev:
        assert _cluster_id(dev) == cluster_id


def test_a_saved_app_is_deployed_again_and_its_processes_renewed(state: Path, tmp_path: Path) -> None:
    old = state / "kafka" / "data" / "of-an-earlier-run"
    old.parent.mkdir(parents=True)
    old.write_text("", "utf-8")
    app = tmp_path / "apps" / "flow.py"
    app.parent.mkdir()
    app.write_text("broken", "utf-8")
    with running_dev(state, f"apps={app}", "watch=true", "fresh=true") as dev:
        assert not old.exists()
        assert "the app is broken" in dev.stderr()
        before = dev.pids()
        app.write_text("print('better')", "utf-8")
        wait_until("new processes", lambda: dev.pids()["worker"] != before["worker"])
        assert (state / "deployments").read_text("utf-8") == "deployed\n"
        changed = {name for name, pid in dev.pids().items() if pid != before[name]}
        assert changed == {"worker", "listener"}


def test_an_app_that_cannot_be_deployed_ends_it_and_everything_it_started(state: Path, tmp_path: Path) -> None:
    app = tmp_path / "flow.py"
    app.write_text("broken", "utf-8")
    ended = subprocess.run(
        [*COMMAND, str(state), f"apps={app}"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "the app is broken" in ended.stderr
    assert not (state / "dev.json").exists()
