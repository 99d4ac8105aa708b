"""Child processes that a test kills, freezes and starts again; what dies comes back after a moment, as in production.

Everything runs in the thread that calls (it must be the main thread: children die with the thread that started them);
`tick` must be called often.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from headrace.local.process import Child, ChildSpec, describe_exit, stop_children, tail

_RESTART_S = 0.5
_GRACE_S = 10.0


@dataclass(slots=True)
class _Kept:
    child: Child
    comes_back: bool = True
    expects_end: bool = False
    dead_since: float | None = None


class Processes:
    """Children by name. `unexpected` lists the deaths that nobody asked for."""

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self.unexpected: list[str] = []
        self._kept: dict[str, _Kept] = {}
        self._say = say

    def start(self, spec: ChildSpec) -> None:
        """Start a child; a name that has ended for good may be taken again."""
        held = self._kept.get(spec.name)
        assert held is None or (held.child.poll() is not None and not held.comes_back), f"{spec.name} runs already"
        self._kept[spec.name] = _Kept(Child(spec))

    def wanted(self) -> list[str]:
        """Return the names of those that should run now."""
        return [name for name, kept in self._kept.items() if kept.comes_back]

    def child(self, name: str) -> Child:
        """Return a child in its present life."""
        return self._kept[name].child

    def named(self, pid: int) -> str | None:
        """Return the name of a running child by its process id."""
        return next((n for n, kept in self._kept.items() if kept.child.pid == pid and kept.child.poll() is None), None)

    def is_ready(self, name: str) -> bool:
        """Tell whether a child runs and has said that it is ready."""
        child = self._kept[name].child
        return child.poll() is None and (child.spec.ready_file is None or child.is_announced())

    def exit_code(self, name: str) -> int | None:
        return self._kept[name].child.poll()

    def kill(self, name: str, *, comes_back: bool = True) -> None:
        """End a child as a crash would; it comes back by itself, or when it is told to."""
        kept = self._kept[name]
        kept.comes_back, kept.expects_end = comes_back, True
        # The group, as a crash of a container takes all of it; Postgres' own children included.
        if kept.child.poll() is None:
            os.killpg(kept.child.pid, signal.SIGKILL)

    def bring_back(self, name: str) -> None:
        """Let a child that was killed for longer come back."""
        self._kept[name].comes_back = True

    def freeze(self, name: str) -> None:
        """Stop a child's clock, so to say: it keeps everything and does nothing."""
        os.killpg(self._kept[name].child.pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.killpg(self._kept[name].child.pid, signal.SIGCONT)

    def ask_to_stop(self, name: str) -> None:
        """Ask a child to end; it does not come back."""
        kept = self._kept[name]
        kept.comes_back, kept.expects_end = False, True
        kept.child.send(kept.child.spec.stop_signal)

    def may_end(self, name: str) -> None:
        """Expect that a child ends by itself, for good."""
        kept = self._kept[name]
        kept.comes_back, kept.expects_end = False, True

    def tick(self) -> None:
        """Note who has died, and start again who has been dead for a moment."""
        now = time.monotonic()
        for name, kept in self._kept.items():
            code = kept.child.poll()
            if code is None:
                continue
            if kept.dead_since is None:
                kept.dead_since = now
                self._died(name, kept, code)
            elif kept.comes_back and now - kept.dead_since >= _RESTART_S:
                self._kept[name] = _Kept(Child(kept.child.spec))

    def close(self, *orders: Callable[[str], bool]) -> None:
        """Stop everything, group after group, each of the names that its test picks; the rest last."""
        for kept in self._kept.values():
            kept.comes_back = False
            if kept.child.poll() is None:
                kept.child.send(signal.SIGCONT)
        for picks in (*orders, lambda _: True):
            stop_children([kept.child for name, kept in self._kept.items() if picks(name)])

    def log_tails(self, lines: int = 15) -> str:
        """Return the end of every child's log."""
        parts = [
            f"--- {name} ({kept.child.spec.log_path})\n{tail(kept.child.spec.log_path, lines)}"
            for name, kept in self._kept.items()
        ]
        return "\n".join(parts)

    def _died(self, name: str, kept: _Kept, code: int) -> None:
        self._say(f"{name} ended with {describe_exit(code)}")
        if not kept.expects_end:
            end = tail(kept.child.spec.log_path, 6)
            self.unexpected.append(f"{name} ended by itself with {describe_exit(code)}:\n{end}")
