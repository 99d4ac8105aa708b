"""The counters of a process's shards, handed to `headrace.runtime.metrics` now and then."""

from __future__ import annotations

from headrace.runtime import metrics
from headrace.shard.environment import ShardMetrics
from headrace.shard.host import ShardHost
from headrace.shard.ports import Clock

# Whoever collects metrics does so every few seconds at most.
_EVERY_MS = 1_000
_COUNTERS = {
    "reigns": "Reigns that began in this process",
    "abandoned": "Reigns that were abandoned (rule 6)",
    "records": "Journal records appended",
    "record_bytes": "Bytes of journal records appended",
    "events": "Events decided",
    "inputs_decided": "Inputs decided",
    "inputs_failed": "Inputs whose decision raised an exception",
    "records_skipped": "Records of journals that were not addressed to the shard",
    "ticks": "Times that timers were due",
    "replayed": "Journal records replayed",
}
_GAUGES = {
    "in_flight": "Appends that wait for their acknowledgement",
    "inbox": "Records that wait to be decided",
    "caught_up": "1 once the inputs of take-over are decided",
    "epoch": "Offset of the reign's EpochStarted",
}


class MetricsExport:
    """Adds what has changed since the last time."""

    def __init__(self, role: str, clock: Clock) -> None:
        """Export the shards of one role."""
        self._role = role
        self._clock = clock
        self._next = 0
        self._exported: dict[int, dict[str, int]] = {}
        self._counters = {name: metrics.counter(f"headrace.shard.{name}", text) for name, text in _COUNTERS.items()}
        self._gauges = {name: metrics.gauge(f"headrace.shard.{name}", text) for name, text in _GAUGES.items()}

    def export(self, host: ShardHost) -> None:
        """Export if it is time."""
        now = self._clock.monotonic_ms()
        if now < self._next:
            return
        self._next = now + _EVERY_MS
        for number, found in host.metrics.items():
            self._add(number, found)
            shard = f"{self._role}-{number}"
            for name, gauge in self._gauges.items():
                if number in host.shards:
                    gauge.set(int(getattr(found, name)), shard=shard)
                else:
                    gauge.remove(shard=shard)

    def _add(self, number: int, found: ShardMetrics) -> None:
        before = self._exported.setdefault(number, dict.fromkeys(_COUNTERS, 0))
        for name, counter in self._counters.items():
            value = int(getattr(found, name))
            if value != before[name]:
                counter.add(value - before[name], shard=f"{self._role}-{number}")
                before[name] = value
