"""Today's code folds former journals to former states, and goes on with former runs as they began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.authoring.definitions import INTERPRETERS
from tests.golden import folds, runs
from tests.golden.plain import missing
from tests.golden.record import FOLDER, files

FOLDS = sorted((FOLDER / "folds").glob("*.json"))
RUNS = [
    (path, case)
    for path in sorted((FOLDER / "runs").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
]


def load(path: Path) -> dict[str, Any]:
    file: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return file


def test_every_version_of_today_has_its_file() -> None:
    lacking = [path.name for path in files() if not path.exists()]
    assert not lacking, f"Expected a golden file of each version; record {lacking} with python -m tests.golden.record"
    assert {name: program.interpreter for name, program in runs.PROGRAMS.items()} == INTERPRETERS


@pytest.mark.parametrize("name", folds.KINDS)
def test_no_event_is_left_out_of_the_scenarios(name: str) -> None:
    played = {type(event) for event in folds.KINDS[name].scenario()}
    assert not {event.__name__ for event in folds.KINDS[name].events} - {event.__name__ for event in played}


@pytest.mark.parametrize("path", FOLDS, ids=lambda path: path.stem)
def test_a_journal_folds_to_the_state_that_it_folded_to(path: Path) -> None:
    file, name = load(path), path.stem.partition("-")[0]
    journal = folds.journal_of(file)
    found = folds.KINDS[name].readable(folds.fold(name, journal), journal)
    assert missing(file["state"], json.loads(json.dumps(found))) == []


@pytest.mark.parametrize("path", FOLDS, ids=lambda path: path.stem)
def test_a_snapshot_restores_to_the_state_that_it_was_taken_of(path: Path) -> None:
    file, name = load(path), path.stem.partition("-")[0]
    kind = folds.KINDS[name]
    journal = folds.journal_of(file)
    restored = kind.decider().restored(folds.snapshot_of(file))
    folded = folds.fold(name, journal)
    assert kind.readable(restored, journal) == kind.readable(folded, journal)
    if name == "decision":  # Timers are the only index that is not in what is read above.
        assert kind.decider().due_at(restored) == kind.decider().due_at(folded)


@pytest.mark.parametrize(("path", "case"), RUNS, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_a_run_asks_for_what_it_asked_for(path: Path, case: str) -> None:
    file = load(path)
    found = json.loads(json.dumps(runs.play(file, case)))
    assert missing(file["cases"][case], found) == []


def test_a_difference_is_seen() -> None:
    golden = {"a": [1, {"b": "x"}], "c": None}
    assert missing(golden, {"a": [1, {"b": "x", "new": 1}], "c": None, "d": 2}) == []
    assert missing(golden, {"a": [1, {"b": "y"}]}) == ["/c is gone", "/a/1/b: expected 'x', but found 'y'"]
    assert len(missing(golden, {"a": [1], "c": None})) == 1
