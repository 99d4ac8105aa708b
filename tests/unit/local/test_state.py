from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.postgres_home import open_home, remove_home
from headrace.local.process import User
from headrace.local.state import StateDir, discard
from headrace.local.watch import app_directories


def test_a_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.create()
    secret = state.secret("postgres")
    assert len(secret) >= 24
    assert state.secret("postgres") == secret
    assert state.secret("other") != secret
    assert (state.secrets / "postgres").stat().st_mode & 0o777 == 0o600


def test_existing_directories_keep_their_modes(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir()
    root.chmod(0o750)
    StateDir(root).create()
    assert root.stat().st_mode & 0o777 == 0o750


def test_a_state_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(LocalStackError, match=r"(?s)Expected to make the state directory.*--state"):
        StateDir(tmp_path / "file" / "state").create()


def test_a_locked_state_is_refused_with_the_holder_and_free_after_its_end(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.create()
    code = f"""
from pathlib import Path
from headrace.local.process import User
from headrace.local.state import StateDir, discard
with StateDir(Path({str(state.root)!r})).locked():
    print("locked", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(LocalStackError, match=f"process {holder.pid} runs a stack in it"), state.locked():
            pass
        holder.kill()
    with state.locked():
        assert (state.root / "stack.lock").exists()


def test_a_plain_users_data_lies_in_the_state(tmp_path: Path) -> None:
    home = open_home(tmp_path / "postgres", None)
    assert home == tmp_path / "postgres"
    assert home.stat().st_mode & 0o777 == 0o700
    remove_home(tmp_path / "postgres")
    assert not home.exists()


def test_a_state_that_root_made_is_refused_for_a_plain_user(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("/var/tmp/somewhere", "utf-8")
    with pytest.raises(LocalStackError, match="made by root"):
        open_home(tmp_path / "postgres", None)


def test_a_pointer_to_a_foreign_directory_deletes_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "headrace-postgres-data-mine"
    precious.mkdir()
    pointer = tmp_path / "postgres"
    pointer.write_text(str(precious), "utf-8")
    remove_home(pointer)
    assert precious.is_dir()
    assert not pointer.exists()


def test_apps_are_watched_where_they_lie_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shop" / "billing"
    package.mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("raise SystemExit('imported')", "utf-8")
    (package / "tasks.py").write_text("", "utf-8")
    flow = tmp_path / "flows" / "flow.yaml"
    flow.parent.mkdir()
    flow.write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert app_directories(["shop.billing.tasks", str(flow)]) == [flow.parent, package]
    # A directory inside another one is watched with it.
    assert app_directories(["shop", "shop.billing.tasks"]) == [tmp_path / "shop"]


def test_an_app_that_is_nowhere_is_refused() -> None:
    with pytest.raises(LocalStackError, match="no_such_app"):
        app_directories(["no_such_app"])


def test_what_was_half_deleted_is_gone_and_its_rest_goes_with_the_next(tmp_path: Path) -> None:
    data, rest = tmp_path / "data", tmp_path / "data.removed"
    for path in (data, rest):
        path.mkdir()
        (path / "file").write_text("", "utf-8")
    discard(data)
    assert list(tmp_path.iterdir()) == []
    discard(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's data lies outside of the state directory")
def test_data_that_no_state_points_to_is_swept_and_what_is_used_is_not(tmp_path: Path) -> None:
    nobody = User(name="nobody", uid=65534, gid=65534)
    made = """
import sys
from pathlib import Path
from headrace.local.postgres_home import open_home
from headrace.local.process import User
print(open_home(Path(sys.argv[1]), User(name="nobody", uid=65534, gid=65534)))
"""
    command = [sys.executable, "-c", made, str(tmp_path / "gone")]
    left = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    used = open_home(tmp_path / "used", nobody)
    (tmp_path / "gone").unlink()
    (tmp_path / "used").unlink()
    kept = open_home(tmp_path / "kept", nobody)
    try:
        assert not left.exists()
        assert used.is_dir()
        assert open_home(tmp_path / "kept", nobody) == kept
    finally:
        remove_home(tmp_path / "kept")
        shutil.rmtree(used)
