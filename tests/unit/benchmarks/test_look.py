"""The closer look of the benchmarks: which threads and which functions use the CPU."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.profile import ProfilerMissing, find_profiler, profiling, top_functions
from benchmarks.threads import Thread, ThreadTimes, cpu_by_thread, thread_table, thread_times

FOLDED = """main (a.py:1);work (b.py:7) 30
main (a.py:1);work (b.py:9);work (b.py:9) 10
main (a.py:3) 60"""


def test_functions_are_ranked_by_their_own_samples_and_by_those_below() -> None:
    own, below = top_functions(FOLDED).split("samples in it or below")
    assert "of 100" in own
    assert own.index("60.0%  main (a.py") < own.index("40.0%  work (b.py")
    # A function that calls itself counts once for each sample.
    assert "100.0%  main (a.py" in below
    assert "40.0%  work (b.py" in below


def test_an_empty_profile_has_a_summary_too() -> None:
    assert "of 0" in top_functions("")


def test_a_profiler_is_found_by_its_variable_or_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PY_SPY", str(tmp_path / "py-spy"))
    with pytest.raises(ProfilerMissing, match="pip install py-spy"):
        find_profiler()
    (tmp_path / "py-spy").touch()
    assert find_profiler() == str(tmp_path / "py-spy")


def test_services_are_profiled_and_nothing_else(tmp_path: Path) -> None:
    profiler = tmp_path / "profiler"
    # Takes py-spy's arguments, and writes until it is interrupted, as py-spy does.
    profiler.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "output = pathlib.Path(sys.argv[sys.argv.index('--output') + 1])\n"
        "output.with_suffix('.ready').touch()\n"
        "signal.sigwait([signal.SIGINT])\n"
        "output.write_text('main (a.py:1) 3')\n",
        encoding="utf-8",
    )
    profiler.chmod(profiler.stat().st_mode | stat.S_IXUSR)
    said: list[str] = []
    pids = {"decision": 1, "kafka": 2}
    with profiling(tmp_path / "out", "t", pids, str(profiler), said.append):
        while not (tmp_path / "out" / "t.decision.ready").exists():
            os.sched_yield()
    assert said == [f"profile of decision: {tmp_path / 'out' / 't.decision.txt'}"]
    assert "of 3:" in (tmp_path / "out" / "t.decision.txt").read_text(encoding="utf-8")


def test_threads_are_grouped_and_what_ended_is_not_forgotten() -> None:
    before = ThreadTimes({(1, 1): Thread("worker", "main", 10.0)}, {"worker-1": 10.0, "worker-2": 0.0})
    after = ThreadTimes(
        {
            (1, 1): Thread("worker", "main", 40.0),
            (1, 2): Thread("worker", "rdk:broker", 20.0),
            (2, 3): Thread("worker", "rdk:broker", 20.0),
        },
        {"worker-1": 90.0, "worker-2": 20.0},
    )
    (rows,) = cpu_by_thread(before, after, 10).values()
    assert rows == [("rdk:broker", 2, 4.0), ("main", 1, 3.0), ("ended", 0, 3.0)]
    assert "rdk:broker x2" in thread_table({"worker": rows})


def test_our_own_threads_are_seen() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        found = thread_times({"client": os.getpid()}).threads
        assert found[os.getpid(), os.getpid()].label == "main"
        assert (os.getpid(), thread.native_id) in found
    finally:
        done.set()
        thread.join()
