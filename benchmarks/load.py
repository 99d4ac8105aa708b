"""Starts workflows, no more at once than the run allows, and watches what becomes of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

from benchmarks.tally import Tally
from benchmarks.watch import Seen
from headrace.client.sending import new_id, now_ms
from headrace.contracts.commands import StartWorkflow

# With nothing new for so long, what has not ended is lost: a lost worker is noticed well before.
SILENCE_S = 60.0
_WAIT_MS = 50
# Who keeps many in flight starts them in bursts of this part of their number: a record alone costs five times as much
# CPU as one among twenty, here and at the broker.
_BURST_SHARE = 0.05

# The input of the workflow with this number, as JSON.
Input = Callable[[int], bytes]


def value_input(number: int) -> bytes:
    """Return what the workflows of tasks take."""
    return b'{"value":%d}' % number


class Load:
    """Starts up to `count` workflows within `seconds` (0: without a limit), and follows them until all have ended or
    are parked. Call `step` until it is false.

    `send` hands a command to the log, and `poll` gives what the journal says, after so many ms at most.
    """

    def __init__(
        self,
        send: Callable[[StartWorkflow], object],
        poll: Callable[[int], Iterable[Seen]],
        workflow: str,
        *,
        count: int,
        in_flight: int,
        seconds: float = 0.0,
        input_of: Input = value_input,
        tally: Tally | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = tally or Tally()
        self._clock = clock
        self._send = send
        self._poll = poll
        self._workflow = workflow
        self._prefix = f"{workflow}-{secrets.token_hex(4)}"
        self._left = count
        self._in_flight = in_flight
        self._burst = max(round(in_flight * _BURST_SHARE), 1)
        self._input_of = input_of
        self._heard_at = clock()
        self._until = self._heard_at + seconds if seconds else float("inf")

    def step(self) -> bool:
        """Start what may be started and take in what has come; false when nothing more will come."""
        now = self._clock()
        if now >= self._until:
            self._left = 0
        for _ in range(self._room()):
            self._start()
        if self.take_in(_WAIT_MS):
            self._heard_at = now
        return (self._left > 0 or self.tally.in_flight > 0) and now - self._heard_at < SILENCE_S

    def run(self) -> Tally:
        """Step until the end."""
        while self.step():
            pass
        return self.tally

    def run_to_the_last_end(self) -> Tally:
        """Start nothing more, and wait until the parked ones have ended, too, or nothing comes any more."""
        heard_at = self._clock()
        while self.tally.open and self._clock() - heard_at < SILENCE_S:
            if self.take_in(_WAIT_MS):
                heard_at = self._clock()
        return self.tally

    def take_in(self, wait_ms: int) -> bool:
        """Take in what has come; tell whether that was anything."""
        found = False
        for seen in self._poll(wait_ms):
            self.tally.see(seen.events, time.perf_counter(), seen.reign)
            found = True
        return found

    def _room(self) -> int:
        """Return how many to start now: as many as may be, once they make a burst."""
        room = min(self._in_flight - self.tally.in_flight, self._left)
        return room if room >= min(self._burst, self._left) else 0

    def _start(self) -> None:
        number = len(self.tally.started)
        command = StartWorkflow(
            command_id=new_id(),
            workflow_id=f"{self._prefix}-{number}",
            issued_at=now_ms(),
            name=self._workflow,
            input=self._input_of(number),
        )
        self.tally.start(command.workflow_id, time.perf_counter())
        self._send(command)
        self._left -= 1
