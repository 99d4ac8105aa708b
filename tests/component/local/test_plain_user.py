"""A plain user runs the whole stack from a home that nobody else can enter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.local.jars import ensure_jars
from headrace.local.settings import LocalSettings
from tests.component.local.conditions import wait_until
from tests.component.local.running import ENVIRONMENT, wait_gone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; others are one already")

NOBODY = 65534
CHECKOUT = Path(__file__).parents[3]
# The interpreter of a virtual environment may lie in root's home; the system's one of the same version does as well.
INTERPRETERS = (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
PYTHONPATH = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "libs"), sysconfig.get_path("purelib")])


def _as_nobody(command: list[str], **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(command, user=NOBODY, group=NOBODY, extra_groups=[], text=True, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def interpreter() -> str:
    for path in INTERPRETERS:
        try:
            probe = _as_nobody(
                [path, "-c", "import headrace.local.dev, confluent_kafka, psycopg"],
                env={"PYTHONPATH": PYTHONPATH},
                cwd="/",
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            continue
        if probe.wait() == 0:
            return path
    pytest.skip(f"none of {INTERPRETERS} with the checkout's packages can be run by another user")


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="headrace-test-home-", dir="/var/tmp"))
    jars = ensure_jars(LocalSettings.load().cache_path)
    shutil.copytree(jars, path / ".cache" / "headrace" / jars.name)
    for each in (path, *path.rglob("*")):
        os.chown(each, NOBODY, NOBODY)
    yield path
    shutil.rmtree(path)


def test_everything_stays_in_the_home_and_its_modes_stay_as_they_are(interpreter: str, home: Path) -> None:
    state = home / "work" / "state"
    environment = {**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": PYTHONPATH, "USER": "nobody"}
    with open(home / "stderr", "w", encoding="utf-8") as stderr:
        process = _as_nobody(
            [interpreter, "-m", "tests.component.local.stub_dev", str(state)],
            env=environment,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        wait_until("dev.json, or an end", lambda: (state / "dev.json").exists() or process.poll() is not None)
        assert process.poll() is None, (home / "stderr").read_text("utf-8")
        assert (state / "postgres" / "data" / "PG_VERSION").exists()
        assert home.stat().st_mode & 0o777 == 0o700
        pids = json.loads((state / "dev.json").read_text("utf-8"))["pids"]
        assert len(pids) == 8
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    finally:
        process.kill()
        process.wait()
    wait_gone(pids)
