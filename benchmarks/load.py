"""Starts workflows, no more at once than the run allows, and watches until all have ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from benchmarks.tally import Tally
from benchmarks.watch import JournalWatch
from headrace.client.sending import CommandSender, new_id, now_ms
from headrace.contracts.commands import StartWorkflow

# With nothing new for so long, what has not ended is lost: a lost worker is noticed well before.
SILENCE_S = 60.0


def run_load(sender: CommandSender, watch: JournalWatch, workflow: str, *, count: int, in_flight: int) -> Tally:
    """Start `count` workflows and return what became of them."""
    tally = Tally()
    prefix = f"{workflow}-{secrets.token_hex(4)}"
    heard_at = time.monotonic()
    while len(tally.ended) < count and time.monotonic() - heard_at < SILENCE_S:
        while len(tally.started) < count and tally.in_flight < in_flight:
            _start(sender, workflow, f"{prefix}-{len(tally.started)}", len(tally.started), tally.start)
        for events in watch.poll(10):
            if tally.see(events, time.perf_counter()):
                heard_at = time.monotonic()
    return tally


def _start(
    sender: CommandSender, workflow: str, workflow_id: str, value: int, started: Callable[[str, float], None]
) -> None:
    command = StartWorkflow(
        command_id=new_id(),
        workflow_id=workflow_id,
        issued_at=now_ms(),
        name=workflow,
        input=b'{"value":%d}' % value,
    )
    started(workflow_id, time.perf_counter())
    sender.send(command)
