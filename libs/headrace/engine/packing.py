"""A run as bytes: what an idle workflow costs, and what a snapshot holds of it.

The times of its timers come first, so that a shard with a hundred thousand parked workflows need not unpack them to
know when the next one is due. Payloads are JSON unless they say otherwise.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.references import ParentRef
from headrace.engine.carried import Carried, CarriedEnd, FormerChild
from headrace.engine.identity import COMMAND_DIGEST
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.packed_steps import PackedStep, pack_step, unpack_step
from headrace.engine.run import Delivered, Run
from headrace.shard.entries import Entry, pack, unpacker

_JSON = "application/json"
_NO_WAITS = (b"", 0, ())
_NEVER_HALTED = ("", "", 0, 0, 0)


PackedRef = tuple[str, str, int, int]
"""`ParentRef`."""


class Front(Entry, array_like=True, kw_only=True):
    """The beginning of a packed run.

    `timers` are due time and step of each timer, one after the other. `cut` is set in a snapshot only: how many of the
    first steps and ends stand in entries of their own (`headrace.engine.long_records`).
    """

    timers: list[int]
    cut: tuple[int, int] | None


class PackedEnd(msgspec.Struct, array_like=True):
    """`Delivered`, with its outcome."""

    step: int
    at: int
    status: str
    data: bytes
    content_type: str
    error: str
    cause: str
    name: str = ""
    digest: bytes = b""


PackedCarried = tuple[str, list[CarriedEnd], dict[str, int], list[FormerChild]]
"""`Carried`."""


class PackedRun(Front, array_like=True, kw_only=True):
    """`Run`, but for its workflow id, which is the key."""

    run_id: str
    name: str
    version: str
    program: str
    interpreter: int
    input: bytes
    content_type: str
    command_id: str
    key: str
    attempt: int
    parent: PackedRef | None
    timeout_ms: int
    started_at: int
    previous: bytes
    trace: str
    status: str
    steps: list[str]
    open: dict[int, PackedStep]
    log: list[PackedEnd]
    cancel_reason: str | None
    held: list[bytes]
    seeds: list[tuple[int, str]] = msgspec.field(default_factory=list)
    first_start: bytes = b""
    halt: tuple[str, str, int, int, int] | None = None
    """Why it is stuck, with which version it was tried, since when and for how long it stands still, when it is
    terminated.
    """
    waits: tuple[bytes, int, tuple[PackedRef, ...]] | None = None
    """Digests of the commands that it has accepted, one after the other; unread signals; who waits for its end."""
    carried: PackedCarried | None = None
    given_up: dict[int, tuple[str, bytes]] = msgspec.field(default_factory=dict)


_front = unpacker(Front)
_run = unpacker(PackedRun)


def pack_run(run: Run, cut: tuple[int, int] = (0, 0)) -> bytes:
    """Return a run as bytes, without so many of its first steps and ends."""
    parent = run.parent
    steps, ends = cut
    return pack(
        PackedRun(
            timers=[number for timer in run.timers() for number in timer],
            cut=cut if steps or ends else None,
            run_id=run.run_id,
            name=run.name,
            version=run.version,
            program=run.program,
            interpreter=run.interpreter,
            input=run.input,
            content_type=_short(run.content_type),
            command_id=run.command_id,
            key=run.key,
            attempt=run.attempt,
            parent=pack_ref(parent) if parent else None,
            timeout_ms=run.timeout_ms,
            started_at=run.started_at,
            previous=run.previous,
            trace=run.trace,
            status=run.status,
            steps=run.steps[steps:] if steps else run.steps,
            open={number: pack_step(step) for number, step in run.open.items()},
            log=pack_ends(run.log[ends:]),
            cancel_reason=run.cancel_reason,
            held=run.held,
            seeds=run.seeds,
            first_start=run.first_start,
            halt=_pack_halt(run),
            waits=_pack_waits(run),
            carried=_pack_carried(run.carried) if run.carried is not None else None,
            given_up=run.given_up,
        )
    )


def unpack_run(workflow_id: str, value: bytes) -> Run:
    """Return the run that was packed. Raises ValueError for what this code cannot read."""
    packed = _run(workflow_id, value)
    parent = packed.parent
    stuck, stuck_tried, halted_at, halted_ms, terminate_at = packed.halt or _NEVER_HALTED
    seen, unread, watchers = packed.waits or _NO_WAITS
    return Run(
        workflow_id=workflow_id,
        run_id=packed.run_id,
        name=packed.name,
        version=packed.version,
        program=packed.program,
        interpreter=packed.interpreter,
        input=packed.input,
        content_type=packed.content_type or _JSON,
        command_id=packed.command_id,
        key=packed.key,
        attempt=packed.attempt,
        parent=unpack_ref(parent) if parent else None,
        timeout_ms=packed.timeout_ms,
        started_at=packed.started_at,
        previous=packed.previous,
        trace=packed.trace,
        status=packed.status,
        steps=packed.steps,
        open={number: unpack_step(step) for number, step in packed.open.items()},
        log=[_unpack_end(end) for end in packed.log],
        cancel_reason=packed.cancel_reason,
        held=packed.held,
        seeds=packed.seeds,
        first_start=packed.first_start,
        stuck=stuck,
        stuck_tried=stuck_tried,
        halted_at=halted_at,
        halted_ms=halted_ms,
        terminate_at=terminate_at,
        watchers=[unpack_ref(watcher) for watcher in watchers],
        seen=dict.fromkeys(digests(seen)),
        unread=unread,
        carried=Carried(*packed.carried) if packed.carried is not None else None,
        given_up=packed.given_up,
    )


def front(workflow_id: str, value: bytes) -> Front:
    """Return the beginning of a packed run, without unpacking the rest."""
    return _front(workflow_id, value)


def joined(workflow_id: str, value: bytes, steps: list[str], ends: list[PackedEnd]) -> tuple[str, bytes]:
    """Return the run id, and the whole run as bytes, of one that was packed without these steps and ends."""
    packed = _run(workflow_id, value)
    if packed.cut != (len(steps), len(ends)):
        raise ValueError(
            f"Expected {packed.cut} steps and ends of {workflow_id} in entries of their own, but found {len(steps)} "
            f"and {len(ends)}; the snapshot is damaged"
        )
    packed.steps[:0] = steps
    packed.log[:0] = ends
    packed.cut = None
    return packed.run_id, pack(packed)


def pack_ends(ends: list[Delivered]) -> list[PackedEnd]:
    """Return ends of steps as they are packed."""
    return [_pack_end(end) for end in ends]


def pack_ref(ref: ParentRef) -> PackedRef:
    """Return a step of another workflow as it is packed."""
    return (ref.workflow_id, ref.run_id, ref.step, ref.depth)


def unpack_ref(packed: PackedRef) -> ParentRef:
    """Return the step that was packed."""
    return ParentRef(workflow_id=packed[0], run_id=packed[1], step=packed[2], depth=packed[3])


def digests(seen: bytes) -> list[bytes]:
    """Return digests of commands that were written one after the other."""
    return [seen[at : at + COMMAND_DIGEST] for at in range(0, len(seen), COMMAND_DIGEST)]


def _pack_waits(run: Run) -> tuple[bytes, int, tuple[PackedRef, ...]] | None:
    if not (run.seen or run.unread or run.watchers):
        return None
    return b"".join(run.seen), run.unread, tuple(pack_ref(watcher) for watcher in run.watchers)


def _pack_carried(carried: Carried) -> PackedCarried:
    return carried.from_run, list(carried.ends.values()), carried.versions, carried.children


def _pack_halt(run: Run) -> tuple[str, str, int, int, int] | None:
    halt = (run.stuck, run.stuck_tried, run.halted_at, run.halted_ms, run.terminate_at)
    return halt if halt != _NEVER_HALTED else None


def _pack_end(end: Delivered) -> PackedEnd:
    outcome = end.outcome
    content_type = _short(outcome.content_type)
    return PackedEnd(
        end.step, end.at, outcome.status, outcome.data, content_type, outcome.error, outcome.cause, end.name, end.digest
    )


def _unpack_end(packed: PackedEnd) -> Delivered:
    content_type = packed.content_type or _JSON
    outcome = Outcome(packed.status, packed.data, content_type, packed.error, packed.cause)
    return Delivered(packed.step, outcome, packed.at, packed.name, packed.digest)


def _short(content_type: str) -> str:
    return "" if content_type == _JSON else content_type
