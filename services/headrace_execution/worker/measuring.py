"""Asks for the figures of a worker now and then, in a thread: a gauge that hangs must not hold the worker up."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable

from headrace.authoring.gauges import GaugeDefinition
from headrace.contracts.reports import Gauge
from headrace_execution.worker.node import Node

_log = logging.getLogger("headrace.worker")

# They go into the journal: an app that makes gauges in a loop must not fill it.
MOST_GAUGES = 64


class Measuring:
    """Measures every `interval_s`. `take` gives each measurement once."""

    def __init__(self, node: Node, gauges: Iterable[GaugeDefinition], interval_s: float) -> None:
        self._node = node
        self._gauges = list(gauges)
        self._interval_s = interval_s
        self._latest: list[Gauge] = []
        self._broken: set[str] = set()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to measure."""
        threading.Thread(target=self._run, name="gauges", daemon=True).start()

    def close(self) -> None:
        """Measure no more."""
        self._stop.set()

    def take(self) -> list[Gauge]:
        """Return the latest measurement; nothing where it was taken already."""
        latest, self._latest = self._latest, []
        return latest

    def measure(self) -> None:
        """Measure now. A gauge that fails is left out, and told of once."""
        figures = self._node.read()
        for gauge in self._gauges:
            try:
                figures[gauge.name] = float(gauge())
            except Exception as error:  # noqa: BLE001  whatever a gauge raises, the others are asked
                if gauge.name not in self._broken:
                    self._broken.add(gauge.name)
                    _log.warning("gauge %s is left out: %r", gauge.name, error)
        finite = [Gauge(name=name, value=value) for name, value in figures.items() if math.isfinite(value)]
        self._latest = finite[:MOST_GAUGES]

    def _run(self) -> None:
        while True:
            self.measure()
            if self._stop.wait(self._interval_s):
                return
