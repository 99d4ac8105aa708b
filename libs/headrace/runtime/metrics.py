"""Numbers that a process keeps about itself: shards, queues, projections.

They are plain numbers in memory, so counting costs an addition whether or not anybody looks. `telemetry` exports them
through OpenTelemetry where that is on, and `prometheus_text` prints them for a `/metrics` page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

Labels = tuple[tuple[str, str], ...]
Kind = Literal["counter", "gauge"]
# A label with one value per workflow would grow without end; this many series of one metric is a mistake.
SERIES_LIMIT = 1_000


class Metric:
    """One named number, or one per combination of labels. Increments from several threads may lose one: these are not
    accounts.
    """

    __slots__ = ("_series", "description", "kind", "name", "unit")

    def __init__(self, kind: Kind, name: str, description: str, unit: str) -> None:
        self.kind = kind
        self.name = name
        self.description = description
        self.unit = unit
        self._series: dict[Labels, float] = {}

    def add(self, amount: float = 1, **labels: str) -> None:
        """Add to the number that stands under these labels."""
        key = tuple(sorted(labels.items()))
        self._store(key, self._series.get(key, 0) + amount)

    def set(self, value: float, **labels: str) -> None:
        """Set the number that stands under these labels; only for gauges."""
        assert self.kind == "gauge", f"{self.name} is a counter: it only grows"
        self._store(tuple(sorted(labels.items())), value)

    def remove(self, **labels: str) -> None:
        """Forget the number under these labels, say of a shard that has left this process."""
        self._series.pop(tuple(sorted(labels.items())), None)

    def series(self) -> list[tuple[Labels, float]]:
        """Return every combination of labels with its number."""
        return list(self._series.items())

    def _store(self, key: Labels, value: float) -> None:
        if key not in self._series and len(self._series) >= SERIES_LIMIT:
            return
        self._series[key] = value


_metrics: dict[str, Metric] = {}
_followers: list[Callable[[Metric], None]] = []


def counter(name: str, description: str, unit: str = "1") -> Metric:
    """Return the counter of this name, made at its first use. Names are dotted: `headrace.shard.records`."""
    return _metric("counter", name, description, unit)


def gauge(name: str, description: str, unit: str = "1") -> Metric:
    """Return the gauge of this name, made at its first use."""
    return _metric("gauge", name, description, unit)


def all_metrics() -> Mapping[str, Metric]:
    """Return every metric of this process by name."""
    return _metrics


def follow(told: Callable[[Metric], None]) -> None:
    """Call `told` with every metric that there is, and with every one that is made later."""
    _followers.append(told)
    for metric in list(_metrics.values()):
        told(metric)


def prometheus_text() -> str:
    """Return all numbers in Prometheus's text format, version 0.0.4."""
    return "\n".join(_prometheus_lines()) + "\n"


def _prometheus_lines() -> Iterator[str]:
    for metric in _metrics.values():
        name = metric.name.replace(".", "_") + ("_total" if metric.kind == "counter" else "")
        yield f"# HELP {name} {metric.description}"
        yield f"# TYPE {name} {metric.kind}"
        for labels, value in metric.series():
            inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
            yield f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _metric(kind: Kind, name: str, description: str, unit: str) -> Metric:
    metric = _metrics.get(name)
    if metric is None:
        metric = _metrics[name] = Metric(kind, name, description, unit)
        for told in _followers:
            told(metric)
    assert metric.kind == kind, f"{name} is a {metric.kind} already"
    return metric
