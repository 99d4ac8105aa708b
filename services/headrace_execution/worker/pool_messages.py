"""What a worker and a process of its pools say to one another, over a socket of their own."""

from __future__ import annotations

from multiprocessing.connection import Connection

import msgspec

from headrace.authoring.task_calls import Failed, Succeeded
from headrace.contracts.dispatch_events import AttemptNotes
from headrace.contracts.task_events import TaskScheduled


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A module as the worker has imported it. Files are loaded as `headrace.authoring.app_modules` does."""

    name: str
    file: str


class Prepare(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Be a process of a pool: the first message, once."""

    path: list[str]
    modules: list[Module]
    middleware: list[str]
    payload_bytes: int
    cause_bytes: int
    line_bytes: int
    note_bytes: int


class Call(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Run an attempt. There is one at a time."""

    task: TaskScheduled
    assignment: int
    noted: AttemptNotes | None = None


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End the attempt, if it is the one that runs."""

    assignment: int


class Line(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the attempt printed or logged."""

    level: str
    message: str


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The attempt is alive; `details` as JSON, null without any."""

    details: bytes = b"null"


class Io(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the attempt says that it read or wrote."""

    rows: int
    bytes: int
    dataset: str


class Done(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The attempt has ended: it succeeded, or it failed."""

    succeeded: Succeeded | None = None
    failed: Failed | None = None


ToProcess = Prepare | Call | Cancel
ToWorker = Line | Beat | Io | Done

_encoder = msgspec.msgpack.Encoder()
_for_process: msgspec.msgpack.Decoder[ToProcess] = msgspec.msgpack.Decoder(ToProcess)
_for_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)


def send(connection: Connection, message: ToProcess | ToWorker) -> None:
    """Send a message. Raises OSError when the other side is gone."""
    connection.send_bytes(_encoder.encode(message))


def receive_in_process(connection: Connection) -> ToProcess:
    """Wait for a message of the worker. Raises EOFError or OSError when it is gone."""
    return _for_process.decode(connection.recv_bytes())


def receive_in_worker(connection: Connection) -> ToWorker:
    """Wait for a message of a process. Raises EOFError or OSError when it is gone."""
    return _for_worker.decode(connection.recv_bytes())
