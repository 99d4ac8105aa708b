"""What the service tells about its listeners, its triggers and the relay: `ListenerState` records in `listener.states`.

They are for people: written when something changed, every couple of seconds at most, by the process that runs the
listener. Where several processes share a listener, the last to write is seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.positions import ListenerState
from headrace.runtime import metrics
from headrace_listener.outgoing import Outgoing

_lags = metrics.gauge("headrace.listener.lag", "Records that wait for a listener, a trigger or the relay")


class Progress:
    """How one listener, trigger or the relay is doing. Its thread writes, another one reads."""

    def __init__(self, *, name: str, kind: str, source: str, group: str, process: str) -> None:
        self._lock = threading.Lock()
        self._fixed = (name, kind, source, group, process)
        self._positions: dict[str, int] = {}
        self._lag = -1
        self._handled = 0
        self._failures = 0
        self._dead_letters = 0
        self._error = ""
        self._error_at = 0
        self._changed = True

    @property
    def name(self) -> str:
        """Return whose progress it is."""
        return self._fixed[0]

    def handled(self, count: int = 1) -> None:
        """Count records that were handled."""
        with self._lock:
            self._handled += count
            self._changed = True

    def failed(self, error: str, at_ms: int) -> None:
        """Note a failure."""
        with self._lock:
            self._failures += 1
            self._error, self._error_at = error, at_ms
            self._changed = True

    def gave_up(self) -> None:
        """Count a dead letter."""
        with self._lock:
            self._dead_letters += 1
            self._changed = True

    def at(self, positions: Mapping[str, int], lag: int) -> None:
        """Note the offsets to be read next, by topic and partition, and how many records wait."""
        with self._lock:
            if self._positions != positions or self._lag != lag:
                self._positions, self._lag = dict(positions), lag
                self._changed = True
                _lags.set(lag, name=self.name)

    def state(self, at_ms: int) -> ListenerState | None:
        """Return the state if it has changed since it was last returned."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            name, kind, source, group, process = self._fixed
            return ListenerState(
                name=name,
                kind=kind,
                source=source,
                group=group,
                process=process,
                positions=self._positions,
                lag=self._lag,
                handled=self._handled,
                failures=self._failures,
                dead_letters=self._dead_letters,
                last_error=self._error,
                last_error_at=self._error_at,
                at=at_ms,
            )


class States:
    """Collects the progress of everything that the process runs, and hands out what has changed."""

    def __init__(self, codec: Codec, send: Callable[[Outgoing], object]) -> None:
        self._codec = codec
        self._send = send
        self._all: list[Progress] = []

    def add(self, progress: Progress) -> Progress:
        """Take in one more."""
        self._all.append(progress)
        return progress

    def publish(self, at_ms: int) -> int:
        """Send what has changed; return how many records that were."""
        changed = [state for progress in self._all if (state := progress.state(at_ms)) is not None]
        for state in changed:
            self._send(
                Outgoing(
                    topic=topics.LISTENER_STATES, key=state.name.encode(), value=self._codec.encode(state), headers=[]
                )
            )
        return len(changed)
