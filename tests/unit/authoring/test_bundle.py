"""Bundles: what is collected, what is refused, and that what is loaded does what the author's function does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace.authoring.bundle import make_bundle
from headrace.authoring.bundle_loading import BundleError, load_bundle
from headrace.authoring.definitions import definition_of_workflow
from headrace.authoring.stubs import TaskStub, WorkflowStub
from headrace.contracts.retry import RetryPolicy
from headrace.engine.graph.problems import InvalidDefinition

Write = Callable[[str, str], ModuleType]
HEAD = "from __future__ import annotations\nfrom headrace import Retry, task, workflow\n"


class Ctx:
    """Takes down what a workflow asks for, and answers at once."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def run(self, task: Any, *args: Any) -> Any:
        self.asked.append(task)
        return list(args)

    async def child(self, workflow: Any, *args: Any) -> Any:
        self.asked.append(workflow)
        return list(args)


def run(function: Any, *args: Any) -> tuple[Any, list[Any]]:
    """Run a loaded workflow that never has to wait; returns its result and what it asked for."""
    ctx = Ctx()
    try:
        function(ctx, *args).send(None)
    except StopIteration as stop:
        return stop.value, ctx.asked
    raise AssertionError("the workflow waits")


def loaded(module: ModuleType, name: str = "flow") -> Any:
    return load_bundle(make_bundle(getattr(module, name)).to_bytes())


def problems(module: ModuleType, name: str = "flow") -> list[str]:
    with pytest.raises(InvalidDefinition) as caught:
        make_bundle(getattr(module, name))
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


def test_tasks_and_children_become_stubs_with_their_options(write: Write) -> None:
    module = write(
        "mill",
        HEAD
        + """
@task(queue="stones", retry=Retry(schedule=["5m"]), timeout="1h", heartbeat="30s", priority=7,
      resource={"name": "wheel", "units": 2, "capacity": 3})
def grind(grain): raise AssertionError("never runs here")

@workflow
async def other(ctx): ...

@workflow
async def flow(ctx, grain):
    await ctx.child(other)
    await ctx.child(flow)
    return await ctx.run(grind, grain)
""",
    )
    result, asked = run(loaded(module), "rye")
    assert result == ["rye"]
    assert asked == [
        WorkflowStub(name="other"),
        WorkflowStub(name="flow"),
        TaskStub(
            name="grind",
            queue="stones",
            priority=7,
            retry=RetryPolicy(max_attempts=2, schedule=[300_000]),
            timeout_ms=3_600_000,
            heartbeat_ms=30_000,
            resource="wheel",
            units=2,
            capacity=3,
        ),
    ]


def test_helpers_classes_and_constants_come_along_from_several_modules(write: Write) -> None:
    write(
        "race.water",
        """
        import re
        from dataclasses import dataclass
        LIMITS = {"low": 1, "high": (2, None)}
        WORD = re.compile("[a-z]+")
        unused = object()

        @dataclass(frozen=True)
        class Level:
            name: str
            metres: float = 1.5

        def words(text: str) -> list[str]:
            return WORD.findall(text)
        """,
    )
    module = write(
        "mill",
        HEAD
        + """
from functools import cache
from race import water
from race.water import Level as Height, LIMITS

@cache
def double(n): return n * 2

@workflow
async def flow(ctx, text):
    level = Height(name="race")
    return [water.words(text), level.metres, double(LIMITS["high"][0]), LIMITS["low"], len(text)]
""",
    )
    bundle = make_bundle(module.flow)
    assert run(load_bundle(bundle.to_bytes()), "ab cd")[0] == [["ab", "cd"], 1.5, 4, 1, 5]
    assert [each.name for each in bundle.modules] == ["race.water", "mill"]
    assert not any("unused" in each.source for each in bundle.modules)


def test_a_bundle_loads_where_the_authors_modules_are_not(write: Write, folder: Path) -> None:
    write("race", "from dataclasses import dataclass\n@dataclass\nclass Level:\n    metres: float\n")
    module = write("mill", HEAD + "import race\n@workflow\nasync def flow(ctx): return race.Level(2.0).metres\n")
    (folder / "bundle.json").write_bytes(make_bundle(module.flow).to_bytes())
    code = """
import sys
from headrace.authoring.bundle_loading import load_bundle
try:
    load_bundle(open(sys.argv[1], "rb").read())(None).send(None)
except StopIteration as stop:
    print(stop.value, "race" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "bundle.json")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("2.0 False\n", "")


def test_modules_that_refer_to_each_other(write: Write, folder: Path) -> None:
    (folder / "low.py").write_text("import high\ndef down(n):\n    return 0 if n <= 0 else high.up(n - 1)\n")
    write("high", "import low\ndef up(n):\n    return 0 if n <= 0 else 1 + low.down(n - 1)\n")
    module = write("mill", HEAD + "from high import up\n@workflow\nasync def flow(ctx, n): return up(n)\n")
    assert run(loaded(module), 5)[0] == 3


def test_two_versions_live_side_by_side(write: Write, folder: Path) -> None:
    first = write("mill", HEAD + "RATE = 1\n@workflow\nasync def flow(ctx): return RATE\n")
    old = loaded(first)
    del sys.modules["mill"]
    (folder / "mill.py").unlink()
    new = loaded(write("mill", HEAD + "RATE = 22  # and a longer line\n@workflow\nasync def flow(ctx): return RATE\n"))
    assert (run(old)[0], run(new)[0]) == (1, 22)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "import time\n@workflow\nasync def flow(ctx):\n    time.sleep(1)\n",
            "5: .*uses time; use ctx.now and ctx.sleep",
        ),
        ("import random as r\n@workflow\nasync def flow(ctx):\n    r.random()\n", "5: .*uses random; use ctx.random"),
        (
            "import httpx\n@workflow\nasync def flow(ctx):\n    httpx.get('x')\n",
            "5: Expected only the standard library",
        ),
        ("from os import environ\n@workflow\nasync def flow(ctx):\n    return environ\n", "5: .*uses os.environ"),
        ("@workflow\nasync def flow(ctx):\n    import socket\n", "5: .*uses socket; do it in a task"),
        ("@workflow\nasync def flow(ctx):\n    open('x')\n", "5: Expected no open"),
        (
            "@workflow\nasync def flow(ctx):\n    return hash('x')\n",
            "5: Expected no hash.*differs from process to process",
        ),
        ("@workflow\nasync def flow(ctx):\n    return nothing\n", "5: Expected nothing to be defined"),
        (
            "from datetime import datetime\n@workflow\nasync def flow(ctx):\n    return datetime.now()\n",
            r"6: Expected no datetime.now\(\) in a workflow; use ctx.now",
        ),
        (
            "from uuid import uuid4\n@workflow\nasync def flow(ctx):\n    return uuid4()\n",
            "6: .*uses uuid.uuid4; use ctx.uuid",
        ),
        ("LOCK = __import__('threading').Lock()\n@workflow\nasync def flow(ctx):\n    return LOCK\n", "no __import__"),
        (
            "from headrace import Client\n@workflow\nasync def flow(ctx):\n    Client()\n",
            "of headrace only tasks, workflows",
        ),
        ("for n in range(3):\n    pass\n@workflow\nasync def flow(ctx):\n    yield_ = n\n", None),
    ],
)
def test_what_would_not_give_the_same_in_a_replay_is_refused_with_its_line(
    write: Write, body: str, expected: str | None
) -> None:
    module = write("mill", "from __future__ import annotations\nfrom headrace import workflow\n" + body)
    if expected is None:
        assert make_bundle(module.flow)
        return
    found = problems(module)
    assert len(found) == 1, found
    line, _, rest = expected.partition(": ") if expected[0].isdigit() else ("", "", expected)
    import re

    assert re.search(rest, found[0]), found
    assert not line or found[0].split(":")[0] in {line, str(int(line) - 1), str(int(line) + 1)}


def test_all_problems_are_told_at_once_also_those_of_helpers(write: Write) -> None:
    module = write(
        "mill",
        HEAD
        + """
import time
def late(): return time.time()
@workflow
async def flow(ctx):
    open("x")
    return late()
""",
    )
    assert [text.split(": ")[0] for text in problems(module)] == ["5", "8"]


def test_a_workflow_within_a_function_is_refused(write: Write) -> None:
    module = write(
        "mill", HEAD + "def make():\n    @workflow\n    async def flow(ctx): ...\n    return flow\nflow = make()\n"
    )
    (text,) = problems(module)
    assert "Expected workflow flow at the top level of its module" in text


@pytest.mark.parametrize("place", ["headrace", "headrace.engine.programs.python.errors"])
def test_errors_of_steps_can_be_caught(write: Write, place: str) -> None:
    module = write(
        "mill",
        HEAD + f"from {place} import TaskFailed\n@workflow\nasync def flow(ctx):\n    return TaskFailed.__name__\n",
    )
    assert run(loaded(module))[0] == "TaskFailed"
    assert make_bundle(module.flow).modules[0].imports == {"TaskFailed": ("headrace", "TaskFailed")}


def test_a_cancellation_can_be_caught(write: Write) -> None:
    body = "    try:\n        pass\n    except Cancelled:\n        raise\n    return Cancelled.__name__\n"
    module = write("mill", HEAD + f"from headrace import Cancelled\n@workflow\nasync def flow(ctx):\n{body}")
    assert run(loaded(module))[0] == "Cancelled"


def test_c_code_of_allowed_modules_may_import_what_it_needs(write: Write) -> None:
    body = """
from datetime import datetime
@workflow
async def flow(ctx, text):
    return datetime.strptime(text, "%Y-%m-%d").strftime("%d.%m.%Y")
"""
    assert run(loaded(write("mill", HEAD + body)), "2020-02-03")[0] == "03.02.2020"


def test_the_version_changes_with_what_the_workflow_reaches_and_with_nothing_else(write: Write, folder: Path) -> None:
    def version(source: str) -> str:
        sys.modules.pop("mill", None)
        (folder / "mill.py").unlink(missing_ok=True)
        module = write("mill", HEAD + source)
        return definition_of_workflow(module.flow, file="mill.py", deployed_at=1).version

    first = version("RATE = 1\n@workflow\nasync def flow(ctx): return RATE\n")
    moved = version("# A comment.\n\nOTHER = 2\nRATE = 1\n@workflow\nasync def flow(ctx): return RATE\n")
    other_rate = version("RATE = 2\n@workflow\nasync def flow(ctx): return RATE\n")
    with_limit = version("RATE = 1\n@workflow(timeout='5m')\nasync def flow(ctx): return RATE\n")
    assert first == moved
    assert len({first, other_rate, with_limit}) == 3
    assert len(first) == 12


@pytest.mark.parametrize(
    "source", [b"", b"{}", b"[]", b"\x00", b'{"format": 99}', b'{"format": 1}', b'{"format": 1, "module": 5}']
)
def test_what_is_no_bundle_is_refused(source: bytes) -> None:
    with pytest.raises(BundleError, match="Expected a bundle"):
        load_bundle(source)
