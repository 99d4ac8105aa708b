"""`python -m benchmarks.rolling`: restarts of all workers and of the dispatcher under load; the queue's stall.

A stack of its own on Kafka, four workers, short tasks and long ones of every kind at a steady rate. Everything is
restarted by SIGTERM, one process after the other, as a deploy does it. What came of it is read from the journals: no
task may fail or run twice, no attempt may be spent, no worker be lost, and no workflow be missing.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.rolling_tally import RollingTally
from benchmarks.stack import CHECKOUT
from headrace.client.sending import CommandSender, new_id, now_ms
from headrace.contracts.codec import Codec
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.topics import TASK_JOURNAL, WORKFLOW_JOURNAL
from headrace.local.dev_child import DevStack, running_dev
from headrace.local.process import Child, ChildSpec, stop_children
from headrace.local.services import READY_FILE, service_command
from headrace.shard.fence import look_back
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import TopicPartition
from headrace.shard.reading import Begin, JournalReader

_APP = "benchmarks.rolling_app"
_DISPATCHER, _STANDBY = "dispatcher", "dispatcher-b"
_ENVIRONMENT = {
    # Less than the longest tasks take, so that some of them are handed back.
    "HEADRACE_EXECUTION_STOP_GRACE_MS": "3000",
    "HEADRACE_EXECUTION_POOLS": "rolling=1",
    # As a deploy does it: what has stopped is started again at once.
    "HEADRACE_LOCAL_RESTART_PAUSE_MS": "50",
    "HEADRACE_LOCAL_RESTART_STABLE_MS": "1000",
    "HEADRACE_LOCAL_READY_TIMEOUT_S": "300",
}
_PATIENCE_S = 120.0
_LOOK_S = 0.05
# What an act leads to may come a little later; it belongs to the act.
_AFTER_S = 2.0


class Rolling:
    """The stack under load, stepped from one thread."""

    def __init__(self, stack: DevStack, rate: float) -> None:
        """Read the journals from their ends on; start so many workflows a second."""
        settings = stack.settings()
        self.stack = stack
        self.tally = RollingTally()
        self.started: dict[str, float] = {}
        self._codec = Codec()
        self._log = KafkaLog(settings)
        self._reader = JournalReader(self._log, [TASK_JOURNAL, WORKFLOW_JOURNAL], name="rolling")
        self._reader.start(otherwise=Begin.LAST_REIGN)
        self._sender = CommandSender(settings, timeout_s=60.0)
        self._sender.prepare()
        self._sender.publisher.start_polling()
        self._prefix = f"rolling-{secrets.token_hex(4)}"
        self._pause_s = 1 / rate
        self._next_at = time.monotonic()
        self.running = True

    def step(self) -> None:
        """Start what is due, and take in what has come."""
        while self.running and time.monotonic() >= self._next_at:
            number = len(self.started)
            workflow_id = f"{self._prefix}-{number}"
            self.started[workflow_id] = time.monotonic()
            value = b'{"value":%d}' % number
            self._sender.send(
                StartWorkflow(
                    command_id=new_id(), workflow_id=workflow_id, issued_at=now_ms(), name="rolling", input=value
                )
            )
            self._next_at += self._pause_s
        for accepted in self._reader.poll(wait_ms=10):
            self.tally.see(accepted.record.events)

    def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Go on until `probe` says yes."""
        deadline = time.monotonic() + _PATIENCE_S
        while not probe():
            self.step()
            assert time.monotonic() < deadline, f"Expected {what} within {_PATIENCE_S:g} s, but it did not come"

    def wait(self, seconds: float) -> None:
        """Go on for so long."""
        ends_at = time.monotonic() + seconds
        self.until("time to pass", lambda: time.monotonic() >= ends_at)

    def dispatcher(self) -> str:
        """Return the process that runs the queue's shard, as its last reign says."""
        last = look_back(self._log, TopicPartition(TASK_JOURNAL, 0), self._codec)
        assert last is not None
        return last.started.process

    @property
    def lost(self) -> int:
        """Return how many workflows have not ended with success."""
        return len(self.started.keys() - self.tally.workflows)

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()
        self._log.close()
        self._sender.publisher.close()


def restart_workers(run: Rolling) -> None:
    """SIGTERM for one worker after the other; the next one when its successor has joined."""
    for name in [name for name in run.stack.pids() if name.startswith("worker")]:
        old = run.stack.pids()[name]
        os.kill(old, signal.SIGTERM)

        def joined(name: str = name, old: int = old) -> bool:
            pid = run.stack.pids()[name]
            return pid != old and pid in run.tally.joined.get(name, ())

        run.until(f"{name} to be back", every(_LOOK_S, joined))


def restart_dispatchers(run: Rolling) -> None:
    """A second process beside the first; then SIGTERM for the one that has the shard, and for the other one."""
    with standby(run) as child:
        run.wait(_AFTER_S)  # until the group has settled, as it has where a second process is always there
        _stop(run, run.stack.pids()[_DISPATCHER])
        run.until("the shard to move", every(_LOOK_S, lambda: run.dispatcher().endswith(f":{child.pid}")))
        run.until("the successor to be ready", every(_LOOK_S, lambda: _is_ready(run)))
        run.wait(_AFTER_S)
        child.send(signal.SIGTERM)
        run.until("the shard to move back", every(_LOOK_S, lambda: _has_shard(run)))
        run.until("the standby to end", lambda: child.poll() is not None)


def restart_dispatcher_alone(run: Rolling) -> None:
    """SIGTERM for the only process; its successor starts when it has ended."""
    old = run.stack.pids()[_DISPATCHER]
    _stop(run, old)
    run.until("its successor", every(_LOOK_S, lambda: run.stack.pids()[_DISPATCHER] != old))
    run.until("the shard to be run", every(_LOOK_S, lambda: _has_shard(run)))


def quiet(run: Rolling) -> None:
    """Nothing is restarted: what is usual."""
    run.wait(8.0)


ACTS = {
    "nothing": quiet,
    "workers in turn": restart_workers,
    "two dispatchers in turn": restart_dispatchers,
    "the only dispatcher": restart_dispatcher_alone,
}


@contextmanager
def standby(run: Rolling) -> Iterator[Child]:
    """Run a second dispatcher inside the `with` block."""
    stack = run.stack
    ready = stack.state.run / f"{_STANDBY}.ready"
    addresses = {
        "HEADRACE_KAFKA": stack.kafka,
        "HEADRACE_NAMESPACE": stack.namespace,
        "HEADRACE_STATE": str(stack.state.root),
        READY_FILE: str(ready),
    }
    child = Child(
        ChildSpec(
            name=_STANDBY,
            command=service_command(_DISPATCHER, _STANDBY, [], None),
            log_path=stack.state.log(_STANDBY),
            environment={**os.environ, **_ENVIRONMENT, **addresses},
            ready_file=ready,
        )
    )
    try:
        run.until("the standby to be ready", child.is_announced)
        yield child
    finally:
        stop_children([child])


def measure(run: Rolling) -> Iterator[dict[str, Any]]:
    """Yield a line for each act, and one for all of them."""
    run.wait(5.0)  # under way before the first act
    marks: list[tuple[str, int, int, float]] = []
    for name, act in ACTS.items():
        begin_ms, began = now_ms(), time.monotonic()
        act(run)
        seconds = time.monotonic() - began
        run.wait(_AFTER_S)
        marks.append((name, begin_ms, now_ms(), seconds))
    run.running = False
    run.until("every workflow to end", lambda: not run.lost)
    for name, begin_ms, end_ms, seconds in marks:
        yield {"act": name, "seconds": round(seconds, 1), **run.tally.stall(begin_ms, end_ms)}
    tally = run.tally
    yield {
        "act": "all",
        "workflows": len(run.started),
        "tasks": len(tally.succeeded),
        "lost": run.lost,
        "failed": tally.failed,
        "retried": tally.retried,
        "doubled": tally.doubled,
        "workers_lost": tally.workers_lost,
        "workers_left": tally.left,
        "requeued": tally.requeued,
    }


def every(pause_s: float, probe: Callable[[], bool]) -> Callable[[], bool]:
    """Ask an expensive question now and then only."""
    next_at = 0.0

    def asked() -> bool:
        nonlocal next_at
        if time.monotonic() < next_at:
            return False
        next_at = time.monotonic() + pause_s
        return probe()

    return asked


def _stop(run: Rolling, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    run.step()


def _has_shard(run: Rolling) -> bool:
    return run.dispatcher().endswith(f":{run.stack.pids()[_DISPATCHER]}")


def _is_ready(run: Rolling) -> bool:
    return (run.stack.state.run / f"{_DISPATCHER}.ready").exists()


def main() -> int:
    """Print a line of JSON for each act; 1 when a task failed, ran in vain or was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rolling", description=__doc__)
    parser.add_argument("--rate", type=float, default=40.0, help="workflows a second")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--keep", type=Path, default=None, help="a folder where data and logs stay afterwards")
    options = parser.parse_args()
    os.chdir(CHECKOUT)  # the services find the app here
    with tempfile.TemporaryDirectory(prefix="headrace-rolling-") as removed:
        folder = options.keep or Path(removed)
        with running_dev(folder, apps=[_APP], workers=options.workers, environment=_ENVIRONMENT) as stack:
            run = Rolling(stack, options.rate)
            lines = list(measure(run))
            run.close()
    for line in lines:
        print(json.dumps(line), flush=True)
    total = lines[-1]
    return int(any(total[name] for name in ("lost", "failed", "retried", "doubled", "workers_lost")))


if __name__ == "__main__":
    sys.exit(main())
