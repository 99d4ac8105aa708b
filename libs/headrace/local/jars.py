"""Kafka's jars: resolved once by Maven from `infra/kafka/pom.xml`, kept in the user's cache.

The cache directory's name carries the hash of the pom, and it is put in place by one rename: a directory of that name
is complete, and no Maven call is made. Processes that need it at the same moment wait for the one that fetches it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.local.assets import asset
from headrace.local.errors import LocalStackError

MINIMUM_JAVA = 17
_MAVEN_TIMEOUT_S = 600
_OUTPUT_LINES = 15


def ensure_jars(cache_dir: Path, *, say: Callable[[str], None] = lambda _: None) -> Path:
    """The directory with the jars, fetched when it is missing. Raises LocalStackError that says what to install."""
    require_tool("java")
    pom = asset("kafka/pom.xml")
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    cache_dir = cache_dir.expanduser()
    target = cache_dir / f"kafka-jars-{digest}"
    if target.is_dir():
        return target
    maven = require_tool("mvn")
    cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _exclusive(cache_dir / "kafka-jars.lock"):
        if target.is_dir():
            return target
        say("fetching Kafka's jars with Maven (once; about 45 MB) ...")
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix="fetching-") as scratch:
            fetched = Path(scratch) / "jars"
            _run_maven(maven, pom, Path(scratch), fetched)
            fetched.rename(target)
    return target


def require_tool(name: str) -> str:
    """The path of `java` or `mvn`. Raises LocalStackError that names all that is missing, in one go."""
    found = shutil.which(name)
    if found is not None:
        if name == "java":
            _require_java_version(found)
        return found
    missing = [each for each in ("java", "mvn") if shutil.which(each) is None]
    raise LocalStackError(
        f"Expected Java {MINIMUM_JAVA} or newer and Maven for the local Kafka broker, but there is no "
        f"{' and no '.join(missing)} on the PATH. "
        "Install them (Debian, Ubuntu: apt-get install openjdk-17-jre-headless maven)."
    )


def _require_java_version(java: str) -> None:
    result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r'version "(\d+)', result.stderr + result.stdout)
    if found is None or int(found[1]) < MINIMUM_JAVA:
        line = (result.stderr + result.stdout).strip().splitlines()[:1]
        raise LocalStackError(
            f"Expected Java {MINIMUM_JAVA} or newer for the local Kafka broker, but {java} says {line}. "
            "Install one (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)."
        )


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run_maven(maven: str, pom: Path, scratch: Path, target: Path) -> None:
    # Maven wants to write beside the pom, which may lie in a read-only installation: give it a copy.
    copy = scratch / "pom.xml"
    shutil.copyfile(pom, copy)
    command = [
        *(maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(copy)),
        "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies",
        *(f"-DoutputDirectory={target}", "-DincludeScope=runtime", "-Dstyle.color=never"),
    ]
    try:
        result = subprocess.run(
            command,
            cwd=scratch,
            env=_maven_environment(),
            capture_output=True,
            text=True,
            timeout=_MAVEN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LocalStackError(
            f"Expected Maven to fetch Kafka's jars within {_MAVEN_TIMEOUT_S} s, but it did not end. "
            "Look at the network and at Maven's settings (~/.m2/settings.xml), and try again."
        ) from None
    if result.returncode != 0 or not target.is_dir():
        lines = (result.stdout + result.stderr).strip().splitlines()[-_OUTPUT_LINES:]
        raise LocalStackError(
            f"Expected Maven to fetch Kafka's jars, but it ended with {result.returncode}:\n    "
            + "\n    ".join(lines)
            + "\nLook at the network and at Maven's settings (~/.m2/settings.xml), and try again."
        )


def _maven_environment() -> dict[str, str]:
    """Ours, with our home: Java takes it from the password file, where a service's user may have none."""
    environment = dict(os.environ)
    if "HOME" in environment:
        # Not MAVEN_OPTS: Maven's script splits that at every space.
        options = environment.get("JDK_JAVA_OPTIONS", "")
        environment["JDK_JAVA_OPTIONS"] = f'{options} "-Duser.home={environment["HOME"]}"'.strip()
    return environment
