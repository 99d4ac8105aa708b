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
_WAIT_MS = 10


def run_load(
    sender: CommandSender,
    watch: JournalWatch,
    workflow: str,
    *,
    count: int,
    in_flight: int,
    halfway: Callable[[], None] | None = None,
) -> Tally:
    """Start `count` workflows and return what became of them. `halfway` is called once half of them have ended."""
    tally = Tally()
    prefix = f"{workflow}-{secrets.token_hex(4)}"
    heard_at = time.monotonic()
    while len(tally.ended) < count and time.monotonic() - heard_at < SILENCE_S:
        while len(tally.started) < count and tally.in_flight < in_flight:
            number = len(tally.started)
            command = _command(workflow, f"{prefix}-{number}", number)
            tally.start(command.workflow_id, time.perf_counter())
            sender.send(command)
        for seen in watch.poll(_WAIT_MS):
            if tally.see(seen.events, time.perf_counter(), seen.reign):
                heard_at = time.monotonic()
        if halfway is not None and len(tally.ended) * 2 >= count:
            tally.disturb(time.perf_counter())
            halfway()
            halfway = None
    return tally


def _command(workflow: str, workflow_id: str, value: int) -> StartWorkflow:
    return StartWorkflow(
        command_id=new_id(),
        workflow_id=workflow_id,
        issued_at=now_ms(),
        name=workflow,
        input=b'{"value":%d}' % value,
    )
