"""Every promise is kept: in memory, whatever it is written in."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.message import Message
from headrace.runtime.execution_settings import ExecutionSettings
from tests.component.execution.mill import Mill
from tests.conformance.events import differences
from tests.conformance.folders import (
    EXPECTED,
    GRAPH,
    PLAY,
    PYTHON,
    README,
    RUNNABLE,
    SCRIPT,
    Promise,
    promises,
)
from tests.conformance.programs import load_module, outcome, run_graph, run_python
from tests.conformance.scripts import play_script


def _of(file: str) -> pytest.MarkDecorator:
    found = promises(file)
    return pytest.mark.parametrize("promise", found, ids=[each.name for each in found])


@_of("")
def test_a_folder_says_what_it_promises(promise: Promise) -> None:
    text = (promise.folder / README).read_text(encoding="utf-8")
    assert text.startswith("# "), f"Expected {promise.name}/{README} to begin with a heading"
    assert len(text.splitlines()) > 2, f"Expected {promise.name}/{README} to say what is promised"
    assert promise.has(EXPECTED), f"Expected {promise.name} to say in {EXPECTED} what must come of it"
    promise.expected()
    assert any(map(promise.has, RUNNABLE)), f"Expected one of {RUNNABLE} in {promise.name}"


@_of(GRAPH)
def test_a_graph(promise: Promise) -> None:
    run = run_graph(promise)
    expected = promise.expected()
    _hold(promise, [*outcome(run, expected), *differences(run.events, expected)])


@_of(PYTHON)
def test_a_workflow_in_python(promise: Promise) -> None:
    run = run_python(promise)
    expected = promise.expected()
    _hold(promise, [*outcome(run, expected), *differences(run.events, expected)])


@_of(SCRIPT)
def test_a_script_for_the_dispatcher(promise: Promise) -> None:
    _hold(promise, differences(play_script(promise), promise.expected()))


@_of(PLAY)
def test_a_play_of_workers(promise: Promise) -> None:
    module = load_module(promise, PLAY)
    mill = Mill(getattr(module, "SETTINGS", ExecutionSettings()))
    try:
        said, expected = module.play(mill), promise.expected()
        problems = differences([*mill.of(Message), *mill.results()], expected)
        if expected.output is not msgspec.UNSET and said != expected.output:
            problems.append(f"Expected {expected.output!r}, but found {said!r}")
        _hold(promise, problems)
    finally:
        mill.close()


def _hold(promise: Promise, problems: list[str]) -> None:
    said = (promise.folder / README).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert not problems, f"{promise.name}: {said}\n" + "\n".join(problems)
