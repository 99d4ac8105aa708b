"""An installation without a checkout has what the local stack needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


def test_an_installed_package_finds_its_files_in_itself(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    names = ["kafka/pom.xml", "kafka/broker.properties", "kafka/log4j2.properties", "postgres/pg_hba.conf"]
    code = f"from headrace.local.assets import asset\nfor name in {names}: print(asset(name))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == [str(installed / "headrace" / "infra" / name) for name in names]
