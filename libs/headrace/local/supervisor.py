"""Keeps children running: what dies is started again after a growing pause, and stderr hears of it.

One thread does everything. It must be the main thread, since children die with the thread that started them (see
process.py); `tick` is called by its loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from headrace.local.errors import LocalStackError
from headrace.local.process import Child, ChildSpec, describe_exit, stop_children, tail
from headrace.local.restart import RestartPolicy, next_pause_ms

_POLL_S = 0.02
# What the command line ends with for bad usage or input, an app that does not load included: no restart mends that.
_BAD_INPUT = 2


@dataclass(slots=True)
class _Supervised:
    """One child over its lives. `restart_at` is a time.monotonic() when it is dead and waits; `deaths` counts the
    lives that have ended, and `was_ready` tells whether one of them has come as far as its ready file.
    """

    child: Child
    pause_ms: int = 0
    restart_at: float | None = None
    deaths: int = 0
    was_ready: bool = False


class Supervisor:
    """Starts children, watches over them, stops them.

    `say` gets one line for every death and every new start; `on_change` gets all pids whenever one has changed.
    A dead child's old pid stands there until it has a new one.
    """

    def __init__(
        self,
        policy: RestartPolicy,
        *,
        say: Callable[[str], None],
        on_change: Callable[[Mapping[str, int]], None] = lambda _: None,
    ) -> None:
        """Nothing runs yet."""
        self._policy = policy
        self._say = say
        self._on_change = on_change
        self._supervised: dict[str, _Supervised] = {}

    def start(self, spec: ChildSpec) -> Child:
        """Start a child under its name, which must be new."""
        assert spec.name not in self._supervised, f"{spec.name} was started twice"
        child = Child(spec)
        self._supervised[spec.name] = _Supervised(child)
        return child

    def pids(self) -> dict[str, int]:
        """The process id of every child by name, in the order in which they were started."""
        return {name: each.child.pid for name, each in self._supervised.items()}

    def wait_until_announced(self, names: Collection[str], timeout_s: float) -> None:
        """Return when each of them has created its ready file, in this life or an earlier one.

        What dies meanwhile is started again as ever: a worker that has joined takes work at once, and a task may well
        end its process.

        Raises LocalStackError when one was never ready in time, or has ended without ever being ready as often as the
        policy allows; at once when its exit code says that it was used wrongly.
        """
        deadline = time.monotonic() + timeout_s
        waiting = [self._supervised[name] for name in names]
        while waiting:
            self.tick()
            waiting = [each for each in waiting if not self._has_been_ready(each)]
            for each in waiting:
                self._require_hope(each)
            if waiting and time.monotonic() > deadline:
                late = waiting[0].child.spec
                raise LocalStackError(
                    f"Expected {late.name} to be ready within {timeout_s:g} s, but it was not. "
                    f"Its log is {late.log_path}; the last lines:\n{tail(late.log_path)}"
                )
            if waiting:
                time.sleep(_POLL_S)

    def tick(self) -> None:
        """Notice who has died, and start again who has waited long enough. Call it several times a second."""
        now = time.monotonic()
        changed = False
        for each in self._supervised.values():
            if each.restart_at is None:
                self._notice_death(each, now)
            elif now >= each.restart_at:
                each.child = Child(each.child.spec)
                each.restart_at = None
                self._say(f"{each.child.spec.name} was started again (pid {each.child.pid})")
                changed = True
        if changed:
            self._on_change(self.pids())

    def renew(self, names: Collection[str]) -> None:
        """Stop these children politely and start them anew, with the code that is on the disk now."""
        chosen = [each for name, each in self._supervised.items() if name in names]
        stop_children([each.child for each in chosen])
        for each in chosen:
            each.child = Child(each.child.spec)
            each.restart_at = None
        self._on_change(self.pids())

    def stop(self, order: Sequence[Collection[str]], *, at_once: Callable[[], bool] = lambda: False) -> None:
        """Stop everything: group after group in this order, then whatever is in none of them."""
        named = {name for group in order for name in group}
        rest = [name for name in self._supervised if name not in named]
        for group in (*order, rest):
            stop_children([self._supervised[name].child for name in group if name in self._supervised], at_once=at_once)

    def _has_been_ready(self, each: _Supervised) -> bool:
        each.was_ready = each.was_ready or each.child.is_announced()
        return each.was_ready

    def _require_hope(self, each: _Supervised) -> None:
        if each.deaths >= self._policy.start_attempts or each.child.poll() == _BAD_INPUT:
            each.child.require_running()

    def _notice_death(self, each: _Supervised, now: float) -> None:
        code = each.child.poll()
        if code is None:
            return
        each.deaths += 1
        spec = each.child.spec
        lived_ms = int((now - each.child.started_at) * 1000)
        each.pause_ms = next_pause_ms(self._policy, previous_pause_ms=each.pause_ms, lived_ms=lived_ms)
        each.restart_at = now + each.pause_ms / 1000
        self._say(
            f"{spec.name} (pid {each.child.pid}) ended with {describe_exit(code)}; "
            f"starting it again in {each.pause_ms / 1000:g} s. Its log: {spec.log_path}"
        )
