"""Plays `script.yaml` to a dispatcher: its pure machine alone, whose events are also folded again and snapshotted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.message import Message
from headrace.contracts.task_rules import TaskRules
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace.runtime.execution_settings import ExecutionSettings
from headrace_execution.dispatcher.wiring import limits_of
from tests.conformance.folders import SCRIPT, Promise, read_yaml
from tests.unit.execution.dispatcher_shard import DispatcherShard, failed, scheduled, succeeded

_BATCH = 64
_REPORT_MS = 1_000
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def play_script(promise: Promise) -> list[Message]:
    """Play the script of a folder, and return all that the dispatcher has journalled."""
    steps = read_yaml(promise.folder / SCRIPT)
    settings = ExecutionSettings()
    if steps and "settings" in steps[0]:
        settings = msgspec.convert(
            {"queue_limits" if name == "queues" else name: value for name, value in steps.pop(0)["settings"].items()},
            ExecutionSettings,
        )
    script = _Script(DispatcherShard(limits_of(settings)))
    for step in steps:
        ((name, given),) = step.items()
        script.do(name, {"time": given} if isinstance(given, str) else given)
    script.shard.checkpoint()
    return script.shard.journal


class _Script:
    """Who is there, and what each worker was given and has not ended."""

    def __init__(self, shard: DispatcherShard) -> None:
        self.shard = shard
        self._steps = count()
        self._commands = count(1)
        self._sessions: dict[str, str] = {}
        self._ended: set[int] = set()
        self._verbs: dict[str, Callable[..., None]] = {
            "hello": self._hello,
            "schedule": self._schedule,
            "succeed": self._succeed,
            "fail": self._fail,
            "report": self._report,
            "goodbye": self._goodbye,
            "pass": self._pass,
            "cancel": self._cancel,
            "take_over": self._take_over,
            "canary": self._canary,
        }

    def do(self, name: str, given: dict[str, Any]) -> None:
        """Do one step."""
        assert name in self._verbs, f"Expected one of {', '.join(self._verbs)}, but found {name}"
        self._verbs[name](**given)

    def _hello(self, worker: str, slots: int = 1, session: str = "s1", **options: Any) -> None:
        self._sessions[worker] = session
        self.shard.hello(worker, slots, session=session, **options)

    def _schedule(self, count: int = 1, rules: dict[str, Any] | None = None, **options: Any) -> None:
        known = None if rules is None else msgspec.convert(rules, TaskRules)
        tasks = [scheduled(next(self._steps), rules=known, at=self.shard.now_ms, **options) for _ in range(count)]
        for first in range(0, count, _BATCH):
            self.shard.record(*tasks[first : first + _BATCH])

    def _succeed(self, worker: str, count: int | str = 1) -> None:
        self._end(worker, count, succeeded)

    def _fail(self, worker: str, count: int | str = 1) -> None:
        self._end(worker, count, failed)

    def _end(self, worker: str, count: int | str, end: Callable[[TaskAssigned], Message]) -> None:
        running = self._running(worker)
        ending = running if count == "all" else running[: int(count)]
        assert ending, f"Expected {worker} to run something that can end, but it does not"
        self._ended.update(each.assignment for each in ending)
        self.shard.record(*(end(each) for each in ending), passed=next(self._commands))

    def _report(
        self,
        worker: str,
        *,
        stopping: bool = False,
        beats: bool = True,
        hand_back: bool = False,
        drop: bool = False,
        details: str = "",
    ) -> None:
        running = [each.assignment for each in self._running(worker)]
        self.shard.report(
            worker,
            holds=() if hand_back or drop else running,
            handed_back=running if hand_back else (),
            beats=running if beats and not hand_back and not drop else (),
            stopping=stopping,
            session=self._sessions[worker],
            details=dict.fromkeys(running, msgspec.json.encode(details)) if details else None,
        )

    def _canary(self, version: str = "", share: float = 0.0, task: str = "t", queue: str = "q") -> None:
        command_id = f"canary-{next(self._commands)}"
        self.shard.feed(
            SetCanary(command_id=command_id, queue=queue, task=task, version=version, share=share, issued_at=0)
        )

    def _goodbye(self, worker: str) -> None:
        self.shard.goodbye(worker, self._sessions[worker])

    def _pass(self, time: str, alive: list[str] | None = None) -> None:
        left = _ms(time)
        while left > 0:
            part = min(left, _REPORT_MS)
            self.shard.pass_time(part)
            left -= part
            for worker in alive or ():
                self._report(worker, beats=False)

    def _cancel(self, run: str = "run") -> None:
        ended = WorkflowTerminated(
            workflow_id=f"w-{run}", run_id=run, name="n", started_at=0, reason="asked", at=self.shard.now_ms
        )
        self.shard.record(ended)

    def _take_over(self) -> None:
        self.shard.take_over_from_checkpoint()

    def _running(self, worker: str) -> list[TaskAssigned]:
        """Return what a worker was given and still has, the first first, as the journal says."""
        state = self.shard.state
        mine = [each for each in self.shard.assigned_to(worker) if each.session == self._sessions[worker]]
        return [each for each in mine if each.assignment in state.assignments and each.assignment not in self._ended]


def _ms(text: str) -> int:
    unit = text.lstrip("0123456789.")
    return round(float(text.removesuffix(unit)) * _UNITS[unit])
