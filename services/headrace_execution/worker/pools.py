"""Process pools: each attempt has a process to itself while it runs, so a crash is the failure of that attempt alone.

Processes are made when they are first needed and kept for the next attempt. They are new interpreters that import the
modules of the tasks, connected by a socket: nothing of the worker, its threads or its Kafka clients is copied.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from headrace.authoring.task_calls import Failed, Outcome, Stopped
from headrace.authoring.task_context import StopFlag
from headrace_execution.worker.pool_messages import Call, Cancel, Done, Prepare, ToWorker, receive_in_worker, send

PROCESS_CRASHED = "headrace.ProcessCrashed"
# The socket closes with the process, unless a process that the task has started still holds it: then we look.
_LOOK_S = 1.0
_END_S = 5.0

Take = Callable[[ToWorker], None]
"""Takes what an attempt says before it ends."""


class Crashed(Exception):
    """A process has ended; the text says how."""


class Pools:
    """All pools of a worker, by name."""

    def __init__(self, prepare: Prepare, sizes: Mapping[str, int], *, cancel_grace_s: float) -> None:
        self._prepare = prepare
        self._sizes = sizes
        self._grace_s = cancel_grace_s
        self._lock = threading.Lock()
        self._pools: dict[str, Pool] = {}

    def run(self, pool: str, call: Call, stop: StopFlag, take: Take) -> Outcome:
        """Run an attempt in a pool, as soon as a process is free; return what became of it."""
        with self._lock:
            if pool not in self._pools:
                size = self._sizes.get(pool) or os.cpu_count() or 1
                self._pools[pool] = Pool(pool, size, self._prepare, cancel_grace_s=self._grace_s)
        return self._pools[pool].run(call, stop, take)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()


class Pool:
    """At most `size` processes."""

    def __init__(self, name: str, size: int, prepare: Prepare, *, cancel_grace_s: float) -> None:
        self.name = name
        self._size = size
        self._prepare = prepare
        self._grace_s = cancel_grace_s
        self._changed = threading.Condition()
        self._idle: list[PoolProcess] = []
        self._busy: dict[PoolProcess, None] = {}
        self._places = 0
        self._closed = False

    def run(self, call: Call, stop: StopFlag, take: Take) -> Outcome:
        """Run an attempt; it waits while all processes are busy, in the order in which Python wakes threads."""
        stop.add(self._wake)
        with self._changed:
            self._changed.wait_for(lambda: self._places < self._size or stop.is_set())
            if stop.is_set():
                return Stopped()
            self._places += 1
        try:
            return self._run(call, stop, take)
        except Crashed as crash:
            cause = f"Expected the process of pool {self.name} to outlive the attempt, but it {crash}"
            return Stopped() if stop.is_set() else Failed(error=PROCESS_CRASHED, cause=cause)
        finally:
            with self._changed:
                self._places -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """End all processes, at once."""
        with self._changed:
            self._closed = True
            processes = [*self._idle, *self._busy]
            self._idle.clear()
        for process in processes:
            process.kill()

    def _run(self, call: Call, stop: StopFlag, take: Take) -> Outcome:
        process = self._take_process()
        try:
            ended = threading.Event()
            stop.add(lambda: process.cancel(call.assignment, ended, self._grace_s))
            try:
                outcome = process.run(call, take)
            finally:
                ended.set()
        except BaseException:
            with self._changed:
                del self._busy[process]
            process.kill()
            raise
        with self._changed:
            del self._busy[process]
            if not self._closed and not stop.is_set():
                self._idle.append(process)
                return outcome
        process.kill()
        return outcome

    def _take_process(self) -> PoolProcess:
        process: PoolProcess | None
        with self._changed:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:  # one that died while it was idle is nobody's failure
                    break
                process.kill()
            else:
                process = None
        process = process or PoolProcess(self._prepare)
        with self._changed:
            self._busy[process] = None
        return process

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class PoolProcess:
    """One process, as its worker sees it."""

    def __init__(self, prepare: Prepare) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headrace_execution.worker.pool_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the worker, which tells its attempts
            )
        self._connection = Connection(ours.detach())
        self._sending = threading.Lock()
        self._prepare: Prepare | None = prepare

    @property
    def is_alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def run(self, call: Call, take: Take) -> Outcome:
        """Run an attempt to its end. Raises `Crashed` when the process ends before the attempt."""
        try:
            with self._sending:
                if self._prepare is not None:
                    send(self._connection, self._prepare)
                    self._prepare = None
                send(self._connection, call)
            while True:
                message = self._receive()
                if isinstance(message, Done):
                    outcome = message.succeeded or message.failed
                    assert outcome is not None
                    return outcome
                take(message)
        except (EOFError, OSError) as error:
            raise Crashed(self._how_it_ended()) from error

    def cancel(self, assignment: int, ended: threading.Event, grace_s: float) -> None:
        """Tell an attempt to end; end the process if it has not `ended` within the grace time."""
        try:
            with self._sending:
                send(self._connection, Cancel(assignment))
        except OSError:
            return
        if not ended.wait(grace_s):
            self._process.kill()

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        with self._sending:
            self._connection.close()

    def _receive(self) -> ToWorker:
        while not self._connection.poll(_LOOK_S):
            if not self.is_alive and not self._connection.poll(0):
                raise EOFError
        return receive_in_worker(self._connection)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "closed its socket"
        return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
