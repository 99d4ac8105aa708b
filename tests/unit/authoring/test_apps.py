"""Loading modules and files: what is found, under which name, and what is said when it does not load."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from headrace.authoring.apps import load_apps
from headrace.authoring.deploy import validate_files
from headrace.engine.graph.problems import InvalidDefinition

Write = Callable[[str, str], ModuleType]
APP = """
from headrace import gauge, listener, middleware, resource, task, trigger, workflow

wheel = resource("wheel", capacity=3)

@task(queue="stones")
def grind(grain): return grain

@gauge
def depth_rows(): return 3

@middleware
def measured(call): yield

@listener(events=["TaskFailed"])
def tell(event): ...

@trigger(topic="orders", id="$record.key")
@workflow
async def flow(ctx, grain): return await ctx.run(grind, grain)
"""
GRAPH = "apiVersion: headrace/v1\nname: small\nresources: {wheel: {capacity: 3}}\ntasks: {one: {task: grind}}\n"


def refused(*paths: str) -> list[str]:
    with pytest.raises(InvalidDefinition) as caught:
        load_apps(paths)
    return [str(problem) for problem in caught.value.problems]


def test_everything_in_a_file_is_found_by_name(folder: Path) -> None:
    (folder / "app.py").write_text(APP)
    (folder / "small.yaml").write_text(GRAPH)
    apps = load_apps([str(folder / "app.py"), str(folder / "small.yaml")])
    assert {kind: list(getattr(apps, kind)) for kind in apps.__dataclass_fields__} == {
        "tasks": ["grind"],
        "workflows": ["flow"],
        "graphs": ["small"],
        "listeners": ["tell"],
        "triggers": ["flow_trigger"],
        "resources": ["wheel"],
        "middleware": ["measured"],
        "gauges": ["depth_rows"],
    }


def test_a_file_and_its_module_are_one(folder: Path) -> None:
    (folder / "app.py").write_text(APP)
    apps = load_apps([str(folder / "app.py"), "app"])
    assert list(apps.tasks) == ["grind"]
    assert apps.tasks["grind"] is sys.modules["app"].grind


def test_a_file_in_a_package_has_its_full_name_and_finds_its_siblings(folder: Path) -> None:
    package = folder / "flows" / "mill"
    package.mkdir(parents=True)
    for each in (package, package.parent):
        (each / "__init__.py").write_text("")
    (package / "stones.py").write_text("NAME = 'granite'\n")
    (package / "app.py").write_text("from flows.mill.stones import NAME\nfrom . import stones\n" + APP)
    load_apps([str(package / "app.py")])
    assert sys.modules["flows.mill.app"].NAME == "granite"


def test_two_files_of_one_name_are_both_loaded(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "tasks.py").write_text(f"from headrace import task\n@task\ndef {name}(): ...\n")
    apps = load_apps([str(folder / "one" / "tasks.py"), str(folder / "two" / "tasks.py")])
    assert sorted(apps.tasks) == ["one", "two"]


def test_a_file_may_be_called_as_a_module_that_is_loaded_already(folder: Path) -> None:
    import json

    (folder / "json.py").write_text(APP)
    assert list(load_apps([str(folder / "json.py")]).tasks) == ["grind"]
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("broken.py", "def (:\n", "broken.py:1: Expected Python, but invalid syntax"),
        ("raises.py", "x = 1\nraise OSError('no water')\n", "raises.py:2: Expected it to load, but OSError: no water"),
        ("exits.py", "import sys\nsys.exit(3)\n", "exits.py:2: Expected it to load, but SystemExit: 3"),
        ("lacks.py", "import no_such_thing\n", "lacks.py:1: Expected it to load, but ModuleNotFoundError"),
        ("names.py", "from headrace import task\n@task(name='No')\ndef f(): ...\n", "names.py:2: Expected the name of"),
        ("text.txt", "", "text.txt: Expected a module or a file (.py, .yaml, .yml), but this is neither"),
        ("flow.asl.json", "{}", "Amazon States Language is reserved"),
        ("graph.yaml", "apiVersion: headrace/v1\nname: g\ntasks: {a: {task: t, needs: [b]}}\n", "graph.yaml:3:"),
    ],
)
def test_what_does_not_load_is_told_with_file_and_line(folder: Path, name: str, source: str, expected: str) -> None:
    (folder / name).write_text(source)
    (text,) = refused(str(folder / name))
    assert expected in text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing.py", "missing.py: Expected a file, but there is none"),
        ("missing.yaml", "missing.yaml: Expected a file, but there is none"),
        ("no.such.module", "Expected a module or a file (.py, .yaml, .yml), but there is no no"),
    ],
)
def test_what_is_not_there(path: str, expected: str) -> None:
    assert expected in refused(path)[0]


def test_all_problems_of_all_files_are_told(folder: Path) -> None:
    (folder / "raises.py").write_text("raise OSError('no water')\n")
    (folder / "graph.yaml").write_text("name: g\n")
    assert len(refused(str(folder / "raises.py"), str(folder / "graph.yaml"), "missing.py")) >= 3


def test_two_of_one_name_are_refused(folder: Path) -> None:
    for file in ("a.py", "b.py"):
        (folder / file).write_text("from headrace import task\n@task(name='same')\ndef f(): ...\n")
    assert "Expected one task named same, but there are two" in refused(str(folder / "a.py"), str(folder / "b.py"))[0]


def test_a_graph_and_a_workflow_of_one_name_are_refused(folder: Path) -> None:
    (folder / "small.yaml").write_text(GRAPH)
    (folder / "app.py").write_text("from headrace import workflow\n@workflow\nasync def small(ctx): ...\n")
    assert "Expected one workflow named small" in refused(str(folder / "small.yaml"), str(folder / "app.py"))[0]


def test_two_capacities_of_one_resource_are_refused(folder: Path) -> None:
    (folder / "small.yaml").write_text(GRAPH)
    (folder / "app.py").write_text("from headrace import resource\nwheel = resource('wheel', capacity=5)\n")
    with pytest.raises(InvalidDefinition, match=r"Expected one capacity for resource wheel, but found 3 .* and 5"):
        validate_files([str(folder / "small.yaml"), str(folder / "app.py")])


def test_validation_tells_what_would_be_published(folder: Path) -> None:
    (folder / "small.yaml").write_text(GRAPH)
    (folder / "app.py").write_text(APP)
    found = validate_files([str(folder / "small.yaml"), str(folder / "app.py")])
    assert [(each.name, each.program, each.interpreter) for each in found] == [
        ("flow", "python", 1),
        ("small", "graph", 1),
    ]


def test_the_same_content_has_the_same_version_wherever_it_stands(folder: Path) -> None:
    versions = set()
    for name in ("one", "two"):
        (folder / name).mkdir()
        file = folder / name / "small.yaml"
        file.write_text(("# A comment.\n" if name == "two" else "") + GRAPH)
        versions.add(validate_files([str(file)])[0].version)
    assert len(versions) == 1
