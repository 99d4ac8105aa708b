"""One run: a stack under load, watched, disturbed by acts, and judged when it has come to rest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.workflow_events import WorkflowStarted
from headrace.shard.ports import Record
from tests.chaos.kinds import KINDS, RESOURCES
from tests.chaos.load import Load
from tests.chaos.read_model import ReadModel
from tests.chaos.stack import ChaosStack
from tests.chaos.tail import Tail, read_all
from tests.support.checkers.commands import Command, check_commands
from tests.support.checkers.dispatching import check_dispatching
from tests.support.checkers.history import History, Place
from tests.support.checkers.leases import check_leases
from tests.support.checkers.public import check_public, expected_places, public_place
from tests.support.checkers.reigns import check_versions
from tests.support.checkers.workflows import Expectation, check_workflows

PUBLIC = (topics.WORKFLOW_EVENTS, topics.TASK_EVENTS, topics.RESOURCE_EVENTS)
# How long anything may take before the run is given up: far beyond what is measured.
PATIENCE_S = 180.0
_QUIET_S = 1.5
_LOOK_S = 0.1
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: time.monotonic(), and ms since the epoch."""

    at: float
    at_ms: int


class Run:
    """Steps a stack, its load and its watchers from one thread."""

    def __init__(self, stack: ChaosStack, load: Load, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.load = load
        self.history = History()
        self.measures: list[dict[str, Any]] = []
        self._say = say
        self._codec = Codec()
        self._commands: list[Command] = []
        self._records: dict[tuple[str, int, int], int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._public: dict[str, int] = {}
        self._public_places: set[Place] = set()
        self._tail = Tail(stack.settings, (*topics.JOURNALS, topics.WORKFLOW_COMMANDS))
        self._public_tail = Tail(stack.settings, PUBLIC, committed=True)
        self._model = ReadModel(stack.reader, stack.settings.namespace)

    # --- going on ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let everything go on for a moment."""
        self.stack.processes.tick()
        self.load.pump()
        for record in self._tail.poll(0.01):
            self._take(record)
        for record in self._public_tail.poll(0.005):
            self._public_places.add(public_place(record))
            if b"headrace.Workflow" in _header(record, "ce_type"):
                self._public[record.key.decode()] = self._public.get(record.key.decode(), 0) + 1

    def until(self, what: str, probe: Callable[[], bool], timeout_s: float = PATIENCE_S) -> float:
        """Go on until `probe` says yes; return how long that took, in seconds."""
        began = time.monotonic()
        while not probe():
            self.step()
            assert time.monotonic() - began < timeout_s, f"Expected {what} within {timeout_s:g} s, but it did not come"
        return time.monotonic() - began

    def mark(self) -> Mark:
        return Mark(time.monotonic(), time.time_ns() // 1_000_000)

    def recovered(self, mark: Mark, *, read_model: bool = True) -> dict[str, float]:
        """Go on until every shard has ended a workflow that was started after a moment, and the world knows.

        Returns the seconds from the moment to the end in the journal, in the public topics, and in the read model.
        """
        shards = self.stack.shape.shards
        found: dict[str, float] = {}
        # Always the same ones: whoever ended last is never public yet, while the load goes on.
        ids: list[str] = []
        looked = 0.0

        def known() -> bool:
            nonlocal looked
            now = time.monotonic()
            if not ids:
                ended = self.load.ended_since(mark.at)
                if len(ended) < shards:
                    return False
                ids.extend(ended.values())
                found["ended_s"] = _since(mark)
            if "public_s" not in found and all(self._public.get(one, 0) >= 2 for one in ids):
                found["public_s"] = _since(mark)
            if "read_model_s" not in found and now - looked >= _LOOK_S:
                looked = now
                if not read_model or self._model.closed(ids) >= set(ids):
                    found["read_model_s"] = _since(mark)
            return len(found) == 3

        self.until(f"workflows that started after the act to end on all {shards} shards, publicly", known)
        if not read_model:
            del found["read_model_s"]
        return found

    def measured(self, act: str, **figures: Any) -> None:
        """Keep figures and print them as a line of JSON."""
        self.measures.append({"act": act, **figures})
        self._say(json.dumps(self.measures[-1]))

    # --- the end ----------------------------------------------------------------------------------------------------

    def judge(self) -> list[str]:
        """Stop starting, wait until everything is at rest, and return what is wrong."""
        self.load.running = False
        problems = self._rest()
        records = read_all(self.stack.settings, topics.JOURNALS)
        history = History.of(records)
        problems += self._compare(records)
        problems += [f"a command was not taken: {reason}" for reason in self.load.refused()]
        problems += check_workflows(history, self._expected(), _of_child)
        problems += check_commands(history, self._commands)
        problems += check_dispatching(history)
        problems += check_leases(history, RESOURCES)
        problems += check_versions(history)
        problems += check_public(history, read_all(self.stack.settings, PUBLIC, committed=True))
        problems += self._model.check(history)
        problems += self.stack.processes.unexpected
        self.measured(
            "rest",
            workflows=len(self.load.started),
            commands=len(self._commands),
            events=len(history.entries),
            reigns=len(history.reigns),
            skipped=history.skipped,
            problems=len(problems),
        )
        return problems[:_SHOWN]

    def close(self) -> None:
        self.load.close()
        self._tail.close()
        self._public_tail.close()
        self._model.close()

    def _rest(self) -> list[str]:
        """Wait until all that was started has ended, and everybody knows; what does not happen is a problem."""
        waits: list[tuple[str, Callable[[], bool]]] = [
            ("all services to be ready", self.stack.all_ready),
            ("every workflow to end", lambda: len(self.load.ended) == len(self.load.started)),
            ("the journals to come to rest", self._quiet()),
            ("the relay to catch up", lambda: expected_places(self.history) <= self._public_places),
            ("the read model to catch up", lambda: self._model.is_level(self._journal_ends())),
        ]
        problems = []
        for what, probe in waits:
            try:
                self.until(what, every(_LOOK_S, probe))
            except AssertionError as late:
                problems.append(f"{late}; open: {self.load.open_ids()[:5]}")
        return problems

    def _quiet(self) -> Callable[[], bool]:
        known, since = -1, 0.0

        def quiet() -> bool:
            nonlocal known, since
            if len(self.history.entries) != known:
                known, since = len(self.history.entries), time.monotonic()
            return time.monotonic() - since > _QUIET_S

        return quiet

    def _take(self, record: Record) -> None:
        where = (record.topic, record.partition)
        self._ends[where] = record.offset + 1
        if record.topic == topics.WORKFLOW_COMMANDS:
            self._commands.append(Command(record.partition, record.offset, self._codec.decode(record.value)))
            return
        self._records[(*where, record.offset)] = hash(record.value)
        for entry in self.history.add(record):
            self.load.see(entry.event)

    def _journal_ends(self) -> dict[tuple[str, int], int]:
        return {where: end for where, end in self._ends.items() if where[0] in topics.JOURNALS}

    def _compare(self, records: list[Record]) -> list[str]:
        """What was read once must stand there for ever: nothing that a broker had shown may be gone or changed."""
        now = {(r.topic, r.partition, r.offset): hash(r.value) for r in records}
        changed = [where for where, value in self._records.items() if now.get(where) != value]
        return [f"{len(changed)} records that were read are gone or changed: {changed[:3]}"] if changed else []

    def _expected(self) -> dict[str, Expectation]:
        return {one: started.kind.expects(started.value) for one, started in self.load.started.items()}


def _of_child(started: WorkflowStarted) -> Expectation:
    kind = next(kind for kind in KINDS if kind.name == started.name)
    return kind.expects(json.loads(started.input)["value"])


def every(pause_s: float, probe: Callable[[], bool]) -> Callable[[], bool]:
    """Ask an expensive question now and then only."""
    next_at = 0.0

    def asked() -> bool:
        nonlocal next_at
        if time.monotonic() < next_at:
            return False
        answer = probe()
        next_at = time.monotonic() + pause_s
        return answer

    return asked


def _since(mark: Mark) -> float:
    return round(time.monotonic() - mark.at, 3)


def _header(record: Record, name: str) -> bytes:
    return next((value for header, value in record.headers if header == name), b"")
