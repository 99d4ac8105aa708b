"""How two inputs are told apart once only a trace of the first is kept."""

from __future__ import annotations

from hashlib import blake2b

_MAX_ID_LENGTH = 200

COMMAND_DIGEST = 8
"""Bytes of the digest of a command id."""

MAX_SIGNAL_NAME = 200
"""Characters of a signal's name."""


def is_signal_name(name: str) -> bool:
    """Tell whether a text can be the name of a signal."""
    return 0 < len(name) <= MAX_SIGNAL_NAME and name.isprintable()


def id_digest(workflow_id: str) -> bytes:
    """Return 16 bytes that stand for a workflow id: enough that no two ids share them."""
    return blake2b(workflow_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def command_digest(command_id: str) -> bytes:
    """Return 8 bytes that stand for the command that started a workflow; zeros for none."""
    if not command_id:
        return bytes(COMMAND_DIGEST)
    return blake2b(command_id.encode("utf-8", "surrogatepass"), digest_size=COMMAND_DIGEST).digest()


def earlier_start(workflow_id: str, command: bytes) -> str:
    """Return under what a command that started an earlier run of an id is remembered, by its digest.

    No workflow id has a NUL.
    """
    return f"{workflow_id}\0{command.hex()}"


def child_id(workflow_id: str, run_id: str, attempt: int, step: int) -> str:
    """Return the id of a child that was given none: its parent's, the run where it is not the first, and the step."""
    _, _, times = run_id.partition(".")
    suffix = f":{attempt}.{times}:{step}" if times else f":{step}" if attempt == 1 else f":{attempt}:{step}"
    parent = workflow_id
    if len(parent) + len(suffix) > _MAX_ID_LENGTH:
        # The run id stands for a parent whose own id leaves no room; it is unique within the namespace.
        parent = f"{parent[: _MAX_ID_LENGTH - len(suffix) - len(run_id) - 1]}={run_id}"
    return parent + suffix


def input_digest(data: bytes) -> bytes:
    """Return 8 bytes that stand for the input of a step. They are compared for one and the same step only."""
    return blake2b(data, digest_size=8).digest()


def signal_digest(name: str, data: bytes) -> bytes:
    """Return 8 bytes that stand for a signal that a step sends."""
    return input_digest(name.encode("utf-8", "surrogatepass") + b"\0" + data)


def next_run_id(run_id: str) -> str:
    """Return the id of the run that goes on where another one ends: that of the first one, and how often it went on."""
    first, _, times = run_id.partition(".")
    return f"{first}.{int(times or 0) + 1}"


def start_digest(name: str, data: bytes) -> bytes:
    """Return 8 bytes that stand for what a workflow was started with: its definition's name and its input.

    They are compared for one and the same id only, so 8 bytes are plenty.
    """
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8)
    digest.update(b"\0")
    digest.update(data)
    return digest.digest()
