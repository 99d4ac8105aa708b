"""Kafka's jars: what is said when a tool is missing, and that Maven runs once."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.jars import ensure_jars

JAVA = "#!/bin/sh\necho 'openjdk version \"{version}.0.1\" 2025-01-01' >&2\n"
# Leaves a mark for every call; takes the target from its arguments, as the dependency plugin does.
MAVEN = """#!/bin/sh
echo call >> "{calls}"
for argument; do case "$argument" in -DoutputDirectory=*) target="${{argument#*=}}";; esac; done
{then}
"""
MAKES_A_JAR = 'mkdir -p "$target" && echo jar > "$target/kafka.jar"'


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of the PATH, but for the shell's own tools."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("sh", "mkdir", "echo"):
        (path / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(path))
    return path


def _install(tools: Path, name: str, text: str) -> None:
    path = tools / name
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _install_both(tools: Path, then: str = MAKES_A_JAR) -> Path:
    calls = tools.parent / "calls"
    _install(tools, "java", JAVA.format(version=17))
    _install(tools, "mvn", MAVEN.format(calls=calls, then=then))
    return calls


def test_without_java_and_maven_one_text_names_both(tools: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"no java and no mvn on the PATH.*apt-get install"):
        ensure_jars(tmp_path / "cache")


def test_without_maven_the_text_names_it(tools: Path, tmp_path: Path) -> None:
    _install(tools, "java", JAVA.format(version=21))
    with pytest.raises(LocalStackError, match=r"there is no mvn on the PATH"):
        ensure_jars(tmp_path / "cache")


def test_an_old_java_is_refused_with_its_version(tools: Path, tmp_path: Path) -> None:
    _install(tools, "java", JAVA.format(version=11))
    with pytest.raises(LocalStackError, match=r"Java 17 or newer.*11\.0\.1"):
        ensure_jars(tmp_path / "cache")


def test_maven_runs_once_however_many_ask(tools: Path, tmp_path: Path) -> None:
    calls = _install_both(tools)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_jars(tmp_path / "cache"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert [path.name for path in found[0].iterdir()] == ["kafka.jar"]
    assert calls.read_text("utf-8").splitlines() == ["call"]


def test_with_the_jars_there_maven_is_not_needed(tools: Path, tmp_path: Path) -> None:
    _install_both(tools)
    ensure_jars(tmp_path / "cache")
    (tools / "mvn").unlink()
    assert ensure_jars(tmp_path / "cache").is_dir()


def test_a_failed_fetch_says_what_maven_said_and_leaves_nothing_half_done(tools: Path, tmp_path: Path) -> None:
    calls = _install_both(tools, then='mkdir -p "$target"; echo "no route to the repository"; exit 1')
    for _ in range(2):
        with pytest.raises(LocalStackError, match="no route to the repository"):
            ensure_jars(tmp_path / "cache")
    assert len(calls.read_text("utf-8").splitlines()) == 2
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["kafka-jars.lock"]
