"""What parts in a replay although every name in it is allowed, and the like of it that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

import pytest

from headrace.authoring.bundle import make_bundle
from headrace.engine.graph.problems import InvalidDefinition

Write = Callable[[str, str], ModuleType]
HEAD = "from __future__ import annotations\nfrom headrace import workflow\n"


def found(write: Write, before: str, body: str) -> list[str]:
    """Return the problems of a workflow with this body, each with what stands at its line."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = f"{HEAD}{before}\n@workflow\nasync def flow(ctx, values):\n{lines}"
    module = write("mill", source)
    try:
        make_bundle(module.flow)
    except InvalidDefinition as error:
        return [f"{source.splitlines()[each.line - 1].strip()} -> {each.message}" for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        ("from datetime import datetime as dt", "return dt.now()", r"return dt.now\(\) -> .*use ctx.now"),
        ("import datetime as d", "return d.datetime.utcnow()", "use ctx.now"),
        ("from datetime import date as day", "return day.today()", "use ctx.now"),
        ("from datetime import datetime", "clock = datetime.now\nreturn clock()", "clock = .* -> .*use ctx.now"),
        (
            "import datetime\ndef late(at=datetime.datetime.now()): return at",
            "return late()",
            "def late.* -> .*use ctx.now",
        ),
        (
            "import datetime\nclass Row:\n    made = datetime.date.today()",
            "return Row().made",
            "made = .* -> .*use ctx.now",
        ),
        ("from datetime import datetime", "return datetime.fromtimestamp(values)", "Expected a time zone"),
        ("", "return ctx.now.astimezone()", "Expected a time zone"),
        ("from time import time as t", "return t()", "uses time.time; use ctx.now"),
        ("import os.path", "return os.getcwd()", "uses os"),
        ("from random import choice", "return [choice(v) for v in values]", "uses random.choice; use ctx.random"),
        ("", "print(values)", "print at every replay|print again at every replay"),
        ("", "return sorted(values, key=hash)", r"no hash\(\)"),
        ("", "for v in set(values):\n    await ctx.run('grind', v)", r"for v in set\(values\): -> .*use sorted"),
        ("", "return [v for v in {*values}]", "use sorted"),
        ("", "names = {v for v in values}\nreturn list(names)", "return list.* -> .*use sorted"),
        ("", "names = set(values)\nfor n in names | {'x'}: pass", "use sorted"),
        ("", "names = set(values)\nreturn names.pop()", "use sorted"),
        ("", "return ','.join(set(values))", "use sorted"),
        ("", "return [*set(values)]", "use sorted"),
        ("SEEN = {}", "SEEN[values] = 1", r"SEEN\[values\] = 1 -> Expected SEEN of the module to stay"),
        ("SEEN = []", "SEEN.append(values)", "Expected SEEN of the module to stay"),
        ("N = 0\ndef more():\n    global N\n    N += 1", "more()", "Expected N of the module to stay"),
        ("", "try:\n    await ctx.run('grind')\nexcept:\n    return 1", "except: -> Expected a cancellation"),
        ("", "try:\n    await ctx.run('grind')\nexcept BaseException:\n    return 1", "Expected a cancellation"),
        ("import asyncio", "await asyncio.sleep(1)", "uses asyncio; use ctx.run"),
        ("import threading", "threading.Thread(target=values).start()", "uses threading"),
        ("from pathlib import Path", "return Path(values).read_text()", "uses pathlib.Path"),
        ("import logging", "logging.info(values)", "uses logging; log in a task"),
        ("import subprocess", "subprocess.run(values)", "uses subprocess"),
        ("from urllib.request import urlopen", "return urlopen(values)", "uses urllib.request.urlopen"),
    ],
)
def test_it_is_refused_with_its_line_and_what_to_do(write: Write, before: str, body: str, expected: str) -> None:
    problems = found(write, before, body)
    assert len(problems) == 1, problems
    assert re.search(expected, problems[0]), problems


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "return sorted(set(values))"),
        ("", "return len({*values}), sum(v for v in set(values)), 3 in set(values)"),
        ("", "names = set(values)\nnames = list(values)\nreturn [n for n in names]"),
        ("SEEN = {}", "SEEN = {}\nSEEN[values] = 1\nreturn SEEN"),
        ("LIMITS = {'a': 1}", "return LIMITS.get(values)"),
        ("from datetime import UTC, datetime", "return datetime.fromtimestamp(values, UTC).astimezone(UTC)"),
        ("", "try:\n    await ctx.run('grind')\nexcept BaseException:\n    await ctx.run('tidy')\n    raise"),
        ("", "try:\n    await ctx.run('grind')\nexcept Exception:\n    return 1"),
        ("class Row:\n    def now(self): return 1", "row = Row()\nreturn row.now()"),
    ],
)
def test_its_like_is_not(write: Write, before: str, body: str) -> None:
    assert found(write, before, body) == []


def test_own_modules_are_imported_at_the_top(write: Write) -> None:
    write("helpers", "def two(): return 2\n")
    (problem,) = found(write, "import helpers as first", "import helpers\nreturn helpers.two()")
    assert "own modules at the top of the file" in problem
