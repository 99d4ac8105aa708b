"""The documents are true where a test can tell: links lead somewhere, tables list what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.contracts.topics import topic_specs

CHECKOUT = Path(__file__).resolve().parents[2]
HIDDEN = {".venv", ".headrace", ".git", "node_modules", ".pytest_cache", ".hypothesis"}
DOCUMENTS = sorted(
    path
    for path in CHECKOUT.rglob("*.md")
    if not any(part in HIDDEN or part.startswith(".venv") for part in path.relative_to(CHECKOUT).parts)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = [link.split("#")[0] for link in LINK.findall(document.read_text(encoding="utf-8"))]
    missing = [link for link in links if link and "://" not in link and not (document.parent / link).exists()]
    assert missing == []


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    folder = CHECKOUT / "infra" / "decisions"
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[\d+\]\((\d{4}-[^)]+)\)", index, re.MULTILINE) == files
    for number, name in enumerate(files, start=1):
        text = (folder / name).read_text(encoding="utf-8")
        title = re.match(r"# (\d+)\. (.+)\n", text)
        assert title is not None and int(title[1]) == number
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{name} lacks {heading}"


def test_every_service_and_example_is_in_its_table() -> None:
    for folder, pattern in (("services", "headrace_*"), ("examples", "[a-z]*")):
        readme = (CHECKOUT / folder / "README.md").read_text(encoding="utf-8")
        for path in (CHECKOUT / folder).glob(pattern):
            if path.is_dir() and any(path.glob("*.py")):
                assert f"]({path.name})" in readme, f"{path.name} is not in {folder}/README.md"
                assert (path / "README.md").exists(), f"{path} has no README.md"


def test_the_services_table_agrees_with_the_topics() -> None:
    specs = topic_specs()
    readme = (CHECKOUT / "services" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[\w+\]\(headrace_\w+\)(?:: (\w+))? \|(.+)\|$", readme, re.MULTILINE)
    names = ["decision", "dispatcher", "worker", "resources", "listener", "status"]
    assert [found or name for (found, _), name in zip(rows, names, strict=True)] == names
    for name, (_, row) in zip(names, rows, strict=True):
        reads, _, writes, *_ = row.split("|")
        for topic in re.findall(r"`([a-z.-]+)`", writes):
            assert name in specs[topic].writers or "all" in specs[topic].writers, f"{name} does not write {topic}"
        for topic in re.findall(r"`([a-z.-]+)`", reads):
            assert name in specs[topic].readers, f"{name} does not read {topic}"
        told = set(re.findall(r"`([a-z.-]+)`", writes))
        silent = {topic for topic, spec in specs.items() if name in spec.writers and not topic.endswith(".snapshots")}
        assert silent <= told, f"services/README.md does not say that {name} writes {silent - told}"
