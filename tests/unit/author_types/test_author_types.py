"""A type checker knows what tasks and children of a workflow take and return."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MARK = re.compile(r"# E: ([a-z-]+)$")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """Return the errors that mypy finds in the samples: code by line, by file."""
    command = [
        *(sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", "--no-color-output"),
        *("--cache-dir", str(tmp_path_factory.mktemp("mypy"))),
        *(str(HERE / "sample.py"), str(HERE / "wrong.py")),
    ]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    assert found.returncode in (0, 1), found.stderr or found.stdout
    errors: dict[str, dict[int, str]] = {"sample.py": {}, "wrong.py": {}}
    for line in found.stdout.splitlines():
        match = re.match(r"(.+?):(\d+): error: .*\[([a-z-]+)\]$", line)
        if match is not None and Path(match[1]).name in errors:
            errors[Path(match[1]).name][int(match[2])] = match[3]
    return errors


def test_results_have_the_types_that_their_functions_are_annotated_with(said: dict[str, dict[int, str]]) -> None:
    assert said["sample.py"] == {}


def test_mistakes_are_found_where_they_stand(said: dict[str, dict[int, str]]) -> None:
    lines = (HERE / "wrong.py").read_text(encoding="utf-8").splitlines()
    marked = {at: match[1] for at, line in enumerate(lines, 1) if (match := MARK.search(line))}
    assert marked
    assert said["wrong.py"].keys() == marked.keys()
