"""`python -m headrace_execution.worker.pool_process SOCKET`: a process of a pool. It runs one attempt at a time.

The main thread runs attempts; a second one listens, so that a cancelled attempt is told, and so that the process ends
when the worker is gone, whatever the attempt does.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from headrace.authoring.app_modules import load_module
from headrace.authoring.kinds import kind_of
from headrace.authoring.middleware import MiddlewareDefinition, call_plain
from headrace.authoring.task_calls import (
    Failed,
    InputMismatch,
    Outcome,
    Succeeded,
    kept_bytes,
    mismatch,
    raised,
    returned,
)
from headrace.authoring.task_context import StopFlag, running
from headrace.authoring.tasks import TaskDefinition
from headrace_execution.worker.contexts import context_of
from headrace_execution.worker.output import AttemptOutput, captured, writing_to
from headrace_execution.worker.pool_messages import (
    Beat,
    Call,
    Cancel,
    Done,
    Io,
    Line,
    Module,
    Prepare,
    ToWorker,
    receive_in_process,
    send,
)

# The worker counts what an attempt writes, wherever it runs.
_NO_LIMIT = 2**62


class _Output(AttemptOutput):
    """The output of an attempt, on its way to the worker."""

    __slots__ = ("_process",)

    def __init__(self, process: Process, prepared: Prepare) -> None:
        super().__init__(
            lambda level, message: process.tell(Line(level=level, message=message)),
            lambda _: None,
            line_bytes=prepared.line_bytes,
            limit_bytes=_NO_LIMIT,
        )
        self._process = process

    def heartbeat(self, details: Any) -> None:
        """Pass a heartbeat on."""
        data = kept_bytes(details, self._process.prepared.note_bytes, "details of a heartbeat")
        self._process.tell(Beat(details=data or b"null"))

    def record_io(self, *, rows: int, bytes: int, dataset: str) -> None:  # noqa: A002  the unit is the name users know
        """Pass an account on."""
        self._process.tell(Io(rows=rows, bytes=bytes, dataset=dataset))


class Process:
    """The process, once it is prepared."""

    def __init__(self, connection: Connection, prepared: Prepare) -> None:
        self.prepared = prepared
        self._connection = connection
        self._lock = threading.Lock()
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._assignment, self._stop = 0, StopFlag()
        self._ending: threading.Thread | None = None
        sys.path[:] = prepared.path
        modules = [_module(module) for module in prepared.modules]
        self._tasks, found = _definitions(modules)
        self._chain = [found[name] for name in prepared.middleware]

    def tell(self, message: ToWorker) -> None:
        """Tell the worker something; a task's threads may speak at once."""
        with self._lock:
            send(self._connection, message)

    def listen(self) -> None:
        """Take what the worker says, until it is gone; then end, whatever is under way."""
        while True:
            try:
                message = receive_in_process(self._connection)
            except (EOFError, OSError):
                os._exit(0)
            match message:
                case Call():
                    self._assignment, self._stop = message.assignment, StopFlag()
                    self._calls.put(message)
                case Cancel() if message.assignment == self._assignment:
                    self._ending = threading.Thread(target=_end, args=(self._stop,), daemon=True)
                    self._ending.start()

    def work(self) -> None:
        """Run what comes."""
        while True:
            call = self._calls.get()
            stop = self._stop
            outcome = self._run(call, stop)
            if stop.is_set() and self._ending is not None:
                self._ending.join()  # the worker ends a process whose attempt was cancelled, with what it still calls
            match outcome:
                case Succeeded():
                    self.tell(Done(succeeded=outcome))
                case Failed():
                    self.tell(Done(failed=outcome))

    def _run(self, call: Call, stop: StopFlag) -> Outcome:
        definition = self._tasks[call.task.task]
        output = _Output(self, self.prepared)
        context = context_of(call.task, call.assignment, call.noted, output, stop)
        try:
            with running(context), writing_to(output):
                value = call_plain(definition.function, call.task, self._chain)
            return returned(call.task, value, self.prepared.payload_bytes, definition.function)
        except InputMismatch as error:
            return mismatch(error)
        except BaseException as error:  # noqa: BLE001  sys.exit in a task fails the task, not the process
            return raised(error, self.prepared.cause_bytes)


def _end(stop: StopFlag) -> None:
    """Tell an attempt to end, and call whom it asked to be called."""
    stop.set()
    stop.call_back()


def _module(module: Module) -> Any:
    return load_module(module.file) if module.file else importlib.import_module(module.name)


def _definitions(modules: list[Any]) -> tuple[dict[str, TaskDefinition[..., Any]], dict[str, MiddlewareDefinition]]:
    tasks, chain = {}, {}
    for module in modules:
        for value in list(vars(module).values()):
            match kind_of(value):
                case "tasks" if isinstance(value, TaskDefinition):
                    tasks[value.name] = value
                case "middleware":
                    chain[value.name] = value
    return tasks, chain


def main(descriptor: int) -> None:
    """Be a process of a pool, on the socket with this file descriptor."""
    connection = Connection(descriptor)
    prepare = receive_in_process(connection)
    assert isinstance(prepare, Prepare)
    process = Process(connection, prepare)
    threading.Thread(target=process.listen, name="worker", daemon=True).start()
    with captured():
        process.work()


if __name__ == "__main__":
    main(int(sys.argv[1]))
