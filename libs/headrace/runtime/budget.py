"""The budget of user code in the deciders: how one activation that does not end is stopped, and the process when that
fails.

Theory of operation. An activation costs two attribute writes when it begins and one when it ends. Everything else
happens in ticks, which come only while the process burns CPU time or while something runs for long:

1. *CPU tick* (main thread): `ITIMER_PROF` sends SIGPROF after every 100 ms of CPU time that the process used; an idle
   process gets none. The handler runs between two bytecodes of the main thread (and inside `re`, which looks for
   signals). At the first tick of an activation it notes the thread's CPU time; when a later tick finds the limit
   passed, it raises `BudgetExceeded` right there, and at every later tick again, should the user's code have swallowed
   it. It also raises when the process's memory has grown by more than an activation may take.
2. *Wall tick*: a daemon thread wakes up once a second and counts how many of its ticks an activation has seen. Ticks,
   not clock differences: a process that was stopped (SIGSTOP) or starved has had no ticks. After `wall_ms` worth of
   them the activation hangs in a call that uses no CPU time (a sleep, a socket): the thread wakes it with a signal,
   whose handler raises. Activations in other threads than the main one get the exception through the interpreter
   instead (`PyThreadState_SetAsyncExc`), for CPU time and wall time alike.
3. *Watchdog*: an activation that is still there after `hang_ms` worth of ticks has swallowed everything: the thread
   writes all stacks to stderr and ends the process. An activation that does not let go of the interpreter (a
   multiplication of enormous numbers) keeps even that thread from running, so every tick of it also winds up
   `ITIMER_VIRTUAL`, whose signal needs no interpreter: when it has not been wound up for `hang_ms` of CPU time,
   faulthandler writes the stacks and the signal's default action ends the process.

The signals are SIGPROF and SIGVTALRM because nobody else wants them; SIGALRM belongs to test runners.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from headrace.engine.budget import BudgetExceeded

_CPU_TICK_S = 0.1
_WALL_TICK_S = 1.0
_STDERR = 2  # the descriptor: sys.stderr may be somebody's buffer when the process is about to end
EXIT_HUNG = 70  # EX_SOFTWARE: our supervisor starts the process again


class BudgetLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one activation of user code may take."""

    cpu_ms: Annotated[int, Meta(description="CPU time: a thousand times what a real activation needs.", ge=100)] = 1_000
    wall_ms: Annotated[
        int,
        Meta(description="Time in calls that use no CPU: workflow code must not wait, so this is generous.", ge=1_000),
    ] = 10_000
    hang_ms: Annotated[
        int, Meta(description="Time after which the process is ended, since nothing else helped.", ge=2_000)
    ] = 30_000
    memory_mb: Annotated[
        int, Meta(description="Growth of the process's memory: a hundred times the payload limit.", ge=16)
    ] = 512


class _Slot:
    """The activations of one thread, one after the other. `serial` is 0 while none runs; only that thread writes it."""

    __slots__ = (
        "_began", "cpu_clock", "first_cpu", "first_memory", "interrupted", "label", "lock", "noted", "overdue",
        "serial", "thread", "ticks", "watched",
    )  # fmt: skip

    def __init__(self, thread: int, *, is_main: bool) -> None:
        self.thread = thread
        self.serial = 0
        self.label = ""
        self._began = 0
        # Of the CPU tick: the activation it has noted, and what it had used then.
        self.noted = 0
        self.first_cpu = 0.0
        self.first_memory = 0
        # Of the wall tick: the activation that it watches, for how many ticks, and the one that must end.
        self.watched = 0
        self.ticks = 0
        self.overdue = 0
        # Other threads get exceptions from outside: not after the activation that they are meant for.
        self.lock = None if is_main else threading.Lock()
        self.interrupted = False
        self.cpu_clock = None if is_main else time.pthread_getcpuclockid(thread)

    def __enter__(self) -> None:
        self._began += 1
        self.serial = self._began

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.lock is None:
            self.serial = 0
        else:
            with self.lock:
                self.serial = 0
                if self.interrupted:
                    self.interrupted = False
                    _raise_in(self.thread, None)  # takes back what has not arrived yet
        if isinstance(error, MemoryError):
            raise BudgetExceeded(
                f"Expected an activation of {self.label} to fit into memory, but it ran out"
            ) from error


class Budget:
    """The budget of this process. `start` and `close` it in the main thread.

    `with budget.activation("workflow w-1"): ...` runs user code; see the module for what stops it.
    """

    def __init__(self, limits: BudgetLimits | None = None, *, watchdog: bool = False) -> None:
        """`watchdog`: end the process when an activation cannot be stopped. For services; not for a test run."""
        self._limits = limits or BudgetLimits()
        self._watchdog = watchdog
        self._main = _Slot(threading.main_thread().ident or 0, is_main=True)
        self._others: dict[int, _Slot] = {}
        self._local = threading.local()
        self._stop = threading.Event()
        self._monitor: threading.Thread | None = None
        self._handler_before: Any = None
        self._in_tick = False

    def start(self) -> Self:
        """Start ticking; returns itself."""
        if threading.current_thread() is threading.main_thread():
            self._handler_before = signal.signal(signal.SIGPROF, self._on_tick)
            signal.setitimer(signal.ITIMER_PROF, _CPU_TICK_S, _CPU_TICK_S)
            if self._watchdog:
                faulthandler.register(signal.SIGVTALRM, file=_STDERR, all_threads=True, chain=True)
                self._wind_up()
        self._monitor = threading.Thread(target=self._watch, name="headrace-budget", daemon=True)
        self._monitor.start()
        return self

    def close(self) -> None:
        """Stop ticking, and leave the signals as they were."""
        self._stop.set()
        if self._monitor is not None:
            self._monitor.join()
        if self._handler_before is not None and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGPROF, self._handler_before)
            self._handler_before = None
            if self._watchdog:
                faulthandler.unregister(signal.SIGVTALRM)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def activation(self, label: str) -> AbstractContextManager[None]:
        """Return the context in which one activation runs. An activation inside another one is part of that.

        Raises (inside the context):
            BudgetExceeded: it took more than its limits.
        """
        slot = getattr(self._local, "slot", None)
        if slot is None:
            slot = self._local.slot = self._slot()
        if slot.serial != 0:
            return nullcontext()
        slot.label = label
        found: _Slot = slot
        return found

    def progress(self) -> None:
        """Give the activation of this thread its time anew, but not its memory."""
        slot: _Slot | None = getattr(self._local, "slot", None)
        if slot is not None and slot.serial != 0:
            slot.ticks = 0
            if slot.noted == slot.serial:
                slot.first_cpu = time.thread_time()

    def _slot(self) -> _Slot:
        thread = threading.get_ident()
        if thread == self._main.thread:
            return self._main
        slot = self._others[thread] = _Slot(thread, is_main=False)
        return slot

    # -- rule 1: the CPU tick, in the main thread

    def _on_tick(self, _signal: int, frame: FrameType | None) -> None:
        slot = self._main
        if slot.serial == 0 or self._in_tick or (frame is not None and frame.f_code is _Slot.__exit__.__code__):
            return  # an exception on the way out would leave the activation open
        self._in_tick = True
        try:
            if slot.overdue == slot.serial:
                raise BudgetExceeded(self._too_long_waiting(slot))
            self._charge(slot, time.thread_time())
        finally:
            self._in_tick = False

    def _charge(self, slot: _Slot, cpu: float) -> None:
        """Raise when the activation of a slot, whose thread has used `cpu` seconds in its life, has used too much."""
        if slot.noted != slot.serial:
            slot.noted, slot.first_cpu, slot.first_memory = slot.serial, cpu, _memory_bytes()
            return
        if (cpu - slot.first_cpu) * 1000 > self._limits.cpu_ms:
            raise BudgetExceeded(
                f"Expected an activation of {slot.label} to use at most {self._limits.cpu_ms} ms of CPU time, but it "
                "goes on"
            )
        if _memory_bytes() - slot.first_memory > self._limits.memory_mb << 20:
            raise BudgetExceeded(
                f"Expected an activation of {slot.label} to take at most {self._limits.memory_mb} MiB of memory, but "
                "it takes more"
            )

    # -- rules 2 and 3: the wall tick and the watchdog, in a thread of their own

    def _watch(self) -> None:
        while not self._stop.wait(_CPU_TICK_S if self._others else _WALL_TICK_S):
            tick_ms = (_CPU_TICK_S if self._others else _WALL_TICK_S) * 1000
            if self._watchdog and self._handler_before is not None:
                self._wind_up()
            for slot in (self._main, *list(self._others.values())):
                self._look_at(slot, tick_ms)
            alive = {thread.ident for thread in threading.enumerate()}
            for ident in [ident for ident in self._others if ident not in alive]:
                del self._others[ident]

    def _wind_up(self) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, self._limits.hang_ms / 1000)

    def _look_at(self, slot: _Slot, tick_ms: float) -> None:
        serial = slot.serial
        if serial != slot.watched:
            slot.watched, slot.ticks = serial, 0
        elif serial:
            slot.ticks += 1
        if serial == 0:
            return
        waited_ms = slot.ticks * tick_ms
        if self._watchdog and waited_ms >= self._limits.hang_ms:
            os.write(
                _STDERR, f"Expected an activation of {slot.label} to stop, but it hangs; ending the process\n".encode()
            )
            faulthandler.dump_traceback(file=_STDERR, all_threads=True)
            os._exit(EXIT_HUNG)
        if waited_ms >= self._limits.wall_ms:
            slot.overdue = serial
        if slot.lock is None:
            if slot.overdue == serial and self._handler_before is not None:
                signal.pthread_kill(slot.thread, signal.SIGPROF)
        else:
            self._look_at_other(slot, serial)

    def _look_at_other(self, slot: _Slot, serial: int) -> None:
        assert slot.lock is not None
        with slot.lock:
            if slot.serial != serial:
                return
            try:
                if slot.overdue == serial:
                    raise BudgetExceeded(self._too_long_waiting(slot))
                self._charge(slot, time.clock_gettime(slot.cpu_clock) if slot.cpu_clock is not None else 0.0)
            except BudgetExceeded:
                slot.interrupted = True
                _raise_in(slot.thread, BudgetExceeded)
            except OSError:
                return  # the thread has just ended

    def _too_long_waiting(self, slot: _Slot) -> str:
        return (
            f"Expected an activation of {slot.label} not to wait, but it has not returned for {self._limits.wall_ms} ms"
        )


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Make another thread raise at its next bytecode; None takes that back."""
    exception = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)


def _memory_bytes() -> int:
    """Return the memory that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
