"""CPU profiles of the services while a workload runs, taken by py-spy from outside.

py-spy is not among our dependencies: it needs leave to look into other processes (root, or ptrace allowed), and only
those who make things faster need it. Its own sampling costs some CPU and stops the processes for moments, so the
figures of a profiled run are not for comparison.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PY_SPY"
# Not in Python, so py-spy has nothing to say about them.
_OTHERS = ("kafka", "postgres")
_RATE_HZ = 100
_STOP_S = 30.0
_TOP = 25


class ProfilerMissing(Exception):
    """There is no py-spy; the text says how to get one."""


def find_profiler() -> str:
    """Return the path of py-spy: from $PY_SPY, beside this Python, or from the PATH. Raises ProfilerMissing."""
    beside = Path(sys.executable).with_name("py-spy")
    found = os.environ.get(VARIABLE) or (str(beside) if beside.exists() else shutil.which("py-spy"))
    if not found or not Path(found).exists():
        raise ProfilerMissing(
            f"Expected py-spy for --profile, but found {f'no file {found}' if found else 'none'}. Install it "
            f"(pip install py-spy), or name it: {VARIABLE}=/path/to/py-spy."
        )
    return found


@contextmanager
def profiling(
    folder: Path, title: str, pids: Mapping[str, int], profiler: str, say: Callable[[str], None]
) -> Iterator[None]:
    """Sample every Python process inside the `with` block: what its threads do while they hold the interpreter's lock.

    Without that condition threads that wait in C code (a worker's hundred, a poll) would count as busy. What runs
    outside the lock, librdkafka's own threads first of all, is what the table of threads shows.

    Writes `TITLE.PROCESS.folded` (collapsed stacks with their numbers of samples, which speedscope.app and flamegraph
    tools read) and `TITLE.PROCESS.txt` (the functions with the most samples).
    """
    folder.mkdir(parents=True, exist_ok=True)
    spies = {
        name: _spy(profiler, pid, folder / f"{title}.{name}.folded")
        for name, pid in pids.items()
        if name not in _OTHERS
    }
    try:
        yield
    finally:
        for spy in spies.values():
            spy.send_signal(signal.SIGINT)
        for name, spy in spies.items():
            say(_finish(name, spy, folder / f"{title}.{name}.folded"))


def top_functions(folded: str, limit: int = _TOP) -> str:
    """Return two lists, of the functions that most samples were in themselves, and that most were in or below."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] or frame for frame in stack.split(";")]
        own[frames[-1]] += int(number)
        for frame in set(frames):
            below[frame] += int(number)
    total = max(own.total(), 1)
    parts = []
    for heading, counts in (("in the function itself", own), ("in it or below", below)):
        parts.append(f"samples {heading}, of {own.total()}:")
        parts += [f"  {count / total:6.1%}  {frame}" for frame, count in counts.most_common(limit)]
    return "\n".join(parts)


def _spy(profiler: str, pid: int, output: Path) -> subprocess.Popen[str]:
    command = [profiler, "record", "--pid", str(pid), "--rate", str(_RATE_HZ), "--format", "raw", "--gil"]
    return subprocess.Popen(
        [*command, "--output", str(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; each gets a signal of its own.
    )


def _finish(name: str, spy: subprocess.Popen[str], output: Path) -> str:
    try:
        _, errors = spy.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        spy.kill()
        _, errors = spy.communicate()
    if not output.exists():
        return f"no profile of {name}: py-spy ended with {spy.returncode}: {errors.strip()[-500:]}"
    summary = output.with_suffix(".txt")
    summary.write_text(top_functions(output.read_text(encoding="utf-8")) + "\n", encoding="utf-8")
    return f"profile of {name}: {summary}"
