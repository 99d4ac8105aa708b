"""The pages under docs/ say what the code does."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import click
import pytest

from headrace.cli.main import cli

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def test_the_producer_on_the_page_is_the_example() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", (DOCS / "start-by-hand.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown == (ROOT / "examples" / "start_by_hand.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "chapter", "count"), [("testing.md", "", 4), ("schedules.md", "## Testing", 2)])
def test_the_tests_on_the_page_pass(page: str, chapter: str, count: int) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", text[text.index(chapter) :], re.DOTALL)
    module = ModuleType("testing_page")
    with TemporaryDirectory() as folder:
        # What is bundled must have a source.
        file = Path(folder) / "testing_page.py"
        file.write_text("from __future__ import annotations\n" + "\n".join(shown))
        module.__file__ = str(file)
        sys.modules[module.__name__] = module
        try:
            exec(compile(file.read_text(), str(file), "exec"), vars(module))
            tests = [value for name, value in vars(module).items() if name.startswith("test_")]
            assert len(tests) == count
            for test in tests:
                test()
        finally:
            del sys.modules[module.__name__]


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_every_command_is_on_its_page(name: str) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert f"`headrace {name}" in page or f"`{name}`" in page


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
