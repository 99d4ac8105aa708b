"""What a worker offers, and when it refuses to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headrace.authoring.tasks import task
from headrace.contracts.reports import QueueOffer
from headrace_execution.worker.wiring import DuplicateTask, offers_by_shard, tasks_by_name


@task(name="same")
def one() -> None:
    """Do nothing."""


@task(name="same")
def other() -> None:
    """Do nothing either."""


def test_two_functions_cannot_have_one_name() -> None:
    assert tasks_by_name([one, one]) == {"same": one}
    with pytest.raises(DuplicateTask) as caught:
        tasks_by_name([one, other])
    text = str(caught.value)
    assert "Expected one function per task name" in text
    assert "are both named same; give one of them another name" in text
    assert text.count("test_worker_offers.py:") == 2, "it says where both stand"


def test_a_worker_with_such_apps_does_not_start(tmp_path: Path) -> None:
    source = "from headrace import task\n\n@task(name='same')\ndef {}(): ...\n"
    files = [tmp_path / "first_half.py", tmp_path / "second_half.py"]
    for file in files:
        file.write_text(source.format(file.stem))
    arguments = [argument for file in files for argument in ("--app", str(file))]
    command = [sys.executable, "-m", "headrace", "service", "worker", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: {files[1]}: Expected one task named same, but there are two; give one of them another name"
    )


def test_a_queue_may_have_slots_of_its_own() -> None:
    offers = offers_by_shard({"same": one}, ["default", "outside"], 8, 1, {"outside": 5_000, "default": 0})
    assert offers == {
        0: [
            QueueOffer(queue="default", slots=8, tasks=["same"]),
            QueueOffer(queue="outside", slots=5_000, tasks=["same"]),
        ]
    }
