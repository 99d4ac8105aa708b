"""A toy decider for tests of the shard runtime: a bank of accounts spread over shards.

Commands are `StartWorkflow` messages: workflow_id = account, name = what to do, input = an amount or a number as text.

    deposit N    adds N                                         -> TimerFired(workflow_id, run_id, step=N)
    send N       like deposit, on the shard input.key names     -> CommandForwarded, addressed to d{shard}
    noop         nothing
    raise        decides one deposit of 1, then raises ValueError
    alarm N      a timer N ms from now, which deposits 1        -> TimerStarted, later TimerFired
    burst N      N deposits of 1, in rounds                     -> ActivationYielded, then TimerFired by resume
    huge N       one event of N bytes                           -> CommandHeld
    unevolvable  an event that the fold refuses                 -> TimerCancelled
    die          raises SystemExit, as a process that ends

Every deposit is remembered by the position of its command, so that one applied twice or never shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from headrace.contracts.codec import Codec
from headrace.contracts.commands import StartWorkflow
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.contracts.workflow_events import ActivationYielded, CommandForwarded, CommandHeld, CommandRejected
from headrace.shard.decider import Input
from headrace.shard.roles import InputSpec, ShardRole

COMMANDS, JOURNAL, SNAPSHOTS = "workflow.commands", "workflow.journal", "workflow.snapshots"
_CODEC = Codec()


class Bank:
    """The state of one shard."""

    def __init__(self) -> None:
        self.deposits: dict[str, dict[str, int]] = {}
        self.alarms: dict[str, int] = {}
        self.pending: list[tuple[str, int]] = []
        self.rejected: list[str] = []
        self.held = 0
        self.changed: set[str] = set()
        """Keys of the snapshot whose entries are outdated; no part of the state."""

    def as_data(self) -> object:
        """Return the state as plain data, for comparisons."""
        return (self.deposits, self.alarms, self.pending, self.rejected, self.held)

    def balance(self, account: str) -> int:
        """Return the sum of an account's deposits."""
        return sum(self.deposits.get(account, {}).values())


class BankDecider:
    """Decides for one shard."""

    def __init__(self, shard: int, code_version: int = 1) -> None:
        self.shard = shard
        self.code_version = code_version
        self.takeovers = 0

    def initial(self) -> Bank:
        return Bank()

    def decide(self, state: Bank, item: Input, now_ms: int) -> Iterator[Message]:
        message = item.message
        where = f"{item.topic}/{item.partition}/{item.offset}"
        if isinstance(message, JournalRecord):
            for at, event in enumerate(message.events):
                if isinstance(event, CommandForwarded) and event.to_shard == self.shard:
                    command = _CODEC.decode(event.command)
                    assert isinstance(command, StartWorkflow)
                    yield _deposit(command.workflow_id, f"{where}/{at}", int(command.input), now_ms)
        elif isinstance(message, StartWorkflow):
            yield from self._command(message, where, now_ms)
        else:
            yield _rejected(item, item.error, now_ms)

    def _command(self, command: StartWorkflow, where: str, now_ms: int) -> Iterator[Message]:
        account, amount = command.workflow_id, int(command.input or b"0")
        match command.name:
            case "deposit":
                yield _deposit(account, where, amount, now_ms)
            case "send":
                yield CommandForwarded(to_shard=int(command.key), command=_CODEC.encode(command), workflow_id=account)
            case "raise":
                yield _deposit(account, where, 1, now_ms)
                raise ValueError("the command asked for it")
            case "alarm":
                yield TimerStarted(
                    workflow_id=account, run_id=where, step=0, node="", due_at=now_ms + amount, at=now_ms
                )
            case "burst":
                yield ActivationYielded(workflow_id=account, run_id=where, at=amount)
            case "huge":
                yield CommandHeld(workflow_id=account, run_id=where, command=b"x" * amount, at=now_ms)
            case "unevolvable":
                yield TimerCancelled(workflow_id=account, run_id=where, step=0, at=now_ms)
            case "die":
                raise SystemExit(70)

    def failed(self, state: Bank, item: Input, error: Exception, now_ms: int) -> Iterator[Message]:
        yield _rejected(item, f"{type(error).__name__}: {error}", now_ms)

    def refuse(self, event: Message, error: Exception) -> bool:
        return False

    def due_at(self, state: Bank) -> int | None:
        return min(state.alarms.values(), default=None)

    def tick(self, state: Bank, now_ms: int) -> Iterator[Message]:
        for where, due_at in sorted(state.alarms.items()):
            if due_at <= now_ms:
                yield TimerFired(workflow_id="alarms", run_id=where, step=1, at=now_ms)

    def has_pending(self, state: Bank) -> bool:
        return bool(state.pending)

    def resume(self, state: Bank, now_ms: int) -> Iterator[Message]:
        while state.pending:
            account, left = state.pending[0]
            yield _deposit(account, f"burst/{account}/{left}", 1, now_ms)

    def evolve(self, state: Bank, event: Message) -> None:
        self._evolve(state, event)
        match event:
            case TimerFired(workflow_id=account, run_id=where):
                state.changed.add(f"account/{account}")
                state.changed.add("rest/" if where.startswith("burst/") else f"alarm/{where}")
            case TimerStarted(run_id=where):
                state.changed.add(f"alarm/{where}")
            case ActivationYielded() | CommandRejected() | CommandHeld():
                state.changed.add("rest/")

    def _evolve(self, state: Bank, event: Message) -> None:
        match event:
            case TimerFired(workflow_id=account, run_id=where, step=amount):
                seen = state.deposits.setdefault(account, {})
                assert where not in seen, f"{where} is applied twice"
                seen[where] = amount
                state.alarms.pop(where, None)
                if state.pending and where.startswith("burst/"):
                    name, left = state.pending[0]
                    state.pending[0] = (name, left - 1)
                    if left == 1:
                        state.pending.pop(0)
            case TimerStarted(run_id=where, due_at=due_at):
                state.alarms[where] = due_at
            case ActivationYielded(workflow_id=account, at=left):
                state.pending.append((account, left))
            case CommandRejected(reason=reason):
                state.rejected.append(reason)
            case CommandHeld(command=command):
                state.held += len(command)
            case CommandForwarded():
                pass
            case _:
                raise TypeError(f"no fold for {event.type_name()}")

    def addressees(self, event: Message) -> Iterable[str]:
        return (f"d{event.to_shard}",) if isinstance(event, CommandForwarded) else ()

    def taken_over(self, state: Bank, now_ms: int) -> None:
        self.takeovers += 1

    def changes(self, state: Bank) -> Iterator[tuple[str, bytes | None]]:
        changed, state.changed = sorted(state.changed), set()
        for key in changed:
            kind, _, name = key.partition("/")
            match kind:
                case "account":
                    value: object = state.deposits[name]
                case "alarm":
                    value = state.alarms.get(name)
                case _:
                    value = (state.pending, state.rejected, "x" * state.held)
            yield key, None if value is None else json.dumps(value).encode()

    def restored(self, entries: Iterable[tuple[str, bytes]]) -> Bank:
        state = Bank()
        for key, packed in entries:
            kind, _, name = key.partition("/")
            value = json.loads(packed)
            match kind:
                case "account":
                    state.deposits[name] = value
                case "alarm":
                    state.alarms[name] = value
                case "rest":
                    state.pending = [(account, left) for account, left in value[0]]
                    state.rejected, state.held = value[1], len(value[2])
                case _:
                    raise ValueError(f"no entry of a bank: {key}")
        return state


def bank_role(code_version: int = 1) -> ShardRole:
    """Return the role of bank shards."""
    return ShardRole(
        name="bank",
        journal=JOURNAL,
        inputs=(InputSpec(COMMANDS, True), InputSpec(JOURNAL, False, "d")),
        decider_for=lambda shard: BankDecider(shard, code_version),
    )


def command(account: str, name: str, amount: int = 0, key: str = "") -> bytes:
    """Return a command as bytes."""
    return _CODEC.encode(
        StartWorkflow(
            command_id=f"{account}-{name}",
            workflow_id=account,
            issued_at=0,
            name=name,
            input=str(amount).encode(),
            key=key,
        )
    )


def _deposit(account: str, where: str, amount: int, now_ms: int) -> TimerFired:
    return TimerFired(workflow_id=account, run_id=where, step=amount, at=now_ms)


def _rejected(item: Input, reason: str, now_ms: int) -> CommandRejected:
    return CommandRejected(
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value[:100],
        error="bank",
        reason=reason,
        at=now_ms,
    )
