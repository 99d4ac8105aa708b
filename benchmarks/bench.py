"""What every workload works with: a running stack, a sender, a watcher of its journal, a meter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from benchmarks.load import Input, Load, value_input
from benchmarks.look import Look
from benchmarks.meter import Meter
from benchmarks.raw import raw_hops_per_second
from benchmarks.tally import Tally
from benchmarks.watch import JournalWatch
from headrace import Client
from headrace.client.errors import ClientError
from headrace.client.sending import CommandSender
from headrace.local.dev_child import DevStack

# So far may the read model be behind before we give up on it.
_PROJECTION_S = 300.0
_PAUSE_S = 0.005
# A client that keeps hundreds of workflows in flight sees each of them a little later, and wakes the broker less often.
_GATHER_MS = 25
_LINGER = {"linger.ms": "5"}
_LAST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One stack and its client."""

    stack: DevStack
    sender: CommandSender
    watch: JournalWatch
    meter: Meter
    look: Look
    say: Callable[[str], None]

    def load(
        self,
        workflow: str,
        *,
        count: int,
        in_flight: int,
        seconds: float = 0.0,
        input_of: Input = value_input,
        tally: Tally | None = None,
    ) -> Load:
        """Return a load on this stack."""
        return Load(
            self.sender.send,
            self.watch.poll,
            workflow,
            count=count,
            in_flight=in_flight,
            seconds=seconds,
            input_of=input_of,
            tally=tally,
        )

    def raw_hops_per_second(self) -> float:
        """Measure the yardstick."""
        return raw_hops_per_second(self.stack.settings())

    def projection_lag_s(self, tally: Tally) -> float | None:
        """Return how long after the last final event the read model shows the workflows that ended last; None: too
        long.

        The last of each shard would do; the last few dozen are on every shard.
        """
        last = sorted(tally.ended, key=tally.ended.__getitem__)[-_LAST:]
        if not last or not self._await_status(last, lambda status: status not in ("", "RUNNING")):
            return None
        return max(time.perf_counter() - tally.ended[last[-1]], 0.0)

    def await_projection(self, tally: Tally) -> bool:
        """Wait until the read model knows the workflows that were started last; tell whether it does."""
        return self._await_status(list(tally.started)[-_LAST:], bool)

    def _await_status(self, workflow_ids: list[str], is_right: Callable[[str], bool]) -> bool:
        deadline = time.monotonic() + _PROJECTION_S
        with Client(self.stack.settings()) as client:
            for workflow_id in workflow_ids:
                while not is_right(_status(client, workflow_id)):
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(_PAUSE_S)
        return True


@contextmanager
def running_bench(stack: DevStack, look: Look, say: Callable[[str], None], *, is_prompt: bool) -> Iterator[Bench]:
    """Connect a client to the stack inside the `with` block.

    Args:
        stack: the running stack.
        look: what else to show.
        say: takes lines for people.
        is_prompt: whether the client hurries for each single record, as one does who waits for one workflow; otherwise
            it sends and reads in batches, as one does who starts thousands.
    """
    settings = stack.settings()
    unhurried = msgspec.structs.replace(settings, gather_ms=_GATHER_MS, gather_late_ms=0)
    # What the environment says wins.
    lingering = msgspec.structs.replace(settings, kafka_config=_LINGER | settings.kafka_config)
    sender = CommandSender(settings if is_prompt else lingering, timeout_s=60.0)
    sender.publisher.start_polling()
    watch = JournalWatch(settings if is_prompt else unhurried)
    try:
        yield Bench(stack=stack, sender=sender, watch=watch, meter=Meter(stack), look=look, say=say)
    finally:
        watch.close()
        sender.publisher.close()


def _status(client: Client, workflow_id: str) -> str:
    """Return the status of a workflow; empty while the read model does not know it."""
    try:
        return str(client.get(workflow_id)["status"])
    except ClientError:
        return ""
