"""Random histories: whatever happens to processes, deliveries and the group, each command is decided exactly once."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.shard.limits import Limits
from headrace.shard.memory import Append, Delivery
from headrace.shard.memory_snapshots import Commit
from headrace.shard.ports import TopicPartition
from tests.support.bank import SNAPSHOTS
from tests.support.memory_world import MemoryWorld

SHARDS = 2
NAMES = ("p", "q", "r")
names = st.sampled_from(NAMES)
shards = st.integers(0, SHARDS - 1)
steps = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["deposit", "send", "alarm", "burst", "noop", "raise"]), shards, shards),
    st.tuples(st.just("step"), names, st.integers(1, 12)),
    st.tuples(st.just("step"), names, st.integers(1, 12)),
    st.tuples(st.just("deliver"), st.integers(0, 5), st.sampled_from([Delivery.WRITTEN] * 8 + list(Delivery))),
    st.tuples(st.just("deliver"), st.integers(0, 5), st.just(Delivery.WRITTEN)),
    st.tuples(st.just("checkpoint"), names, shards),
    st.tuples(
        st.just("write"), st.integers(0, 5), st.integers(1, 9), st.sampled_from([Commit.COMMITTED] * 6 + list(Commit))
    ),
    st.tuples(st.just("write"), st.integers(0, 5), st.just(99), st.just(Commit.COMMITTED)),
    st.tuples(st.just("compact"), shards),
    st.tuples(st.just("kill"), names),
    st.tuples(st.just("give"), shards, names),
    st.tuples(st.just("wait"), st.integers(1, 500)),
    st.tuples(st.just("away"), st.booleans()),
)


class History:
    """Plays steps on a world and remembers what must come out."""

    def __init__(self, keep_ms: int = 1_000_000) -> None:
        limits = Limits(
            record_inputs=2,
            record_limit_bytes=2_000,
            in_flight_records=4,
            checkpoint_ms=2_000,
            snapshot_chunk_bytes=16,
            journal_keep_ms=keep_ms,
            delete_every_ms=0,
        )
        self.world = MemoryWorld(SHARDS, limits=limits)
        self.world.log.hold = True
        self.sent: dict[str, int] = {}
        self.outcome = Delivery.WRITTEN
        self.world.log.choose = lambda _append: self.outcome
        self.commit = Commit.COMMITTED
        self.world.log.choose_commit = lambda _writer: self.commit
        self.world.log.snapshot_writes_per_poll = 3

    def play(self, step: tuple) -> None:  # type: ignore[type-arg]
        getattr(self, step[0])(*step[1:])

    def send(self, what: str, shard: int, to: int) -> None:
        amount = {"alarm": 300, "burst": 40, "deposit": 1, "send": 1}.get(what, 0)
        # An account for every command, so that one applied twice or never cannot hide in a sum.
        account = f"{what}-{len(self.sent)}"
        self.sent[account] = {"alarm": 0, "noop": 0, "raise": 1}.get(what, amount)
        self.world.send(account, what, amount, shard=shard, to=to)

    def step(self, name: str, times: int) -> None:
        if name not in self.world.hosts:
            self.world.start(name)
        for _ in range(times):
            self.world.hosts[name].step()

    def deliver(self, writer: int, outcome: Delivery) -> None:
        """Let the oldest append of one of the writers arrive; those of the others wait, zombies' included."""
        log = self.world.log
        writers = list(dict.fromkeys(append.writer for append in log.in_flight))
        if not writers or log.away:
            return
        chosen = writers[writer % len(writers)]
        append: Append = next(append for append in log.in_flight if append.writer is chosen)
        log.in_flight.remove(append)
        self.outcome = outcome
        log.deliver_one(append)
        self.outcome = Delivery.WRITTEN

    def checkpoint(self, name: str, shard: int) -> None:
        host = self.world.hosts.get(name)
        if host is not None and shard in host.shards and host.shards[shard].reign is not None:
            self.world.ask_checkpoint(name, shard)

    def write(self, writer: int, times: int, outcome: Commit) -> None:
        """Let what one of the snapshot writers has begun go on, zombies' included."""
        under_way = self.world.log.snapshots_under_way
        if under_way:
            chosen = under_way[writer % len(under_way)]
            self.commit = outcome
            for _ in range(times):
                chosen.advance()
            self.commit = Commit.COMMITTED

    def compact(self, shard: int) -> None:
        self.world.log.compact(TopicPartition(SNAPSHOTS, shard))

    def kill(self, name: str) -> None:
        if name in self.world.hosts:
            self.world.kill(name)

    def give(self, shard: int, name: str) -> None:
        self.world.group.give(shard, name)

    def wait(self, for_ms: int) -> None:
        self.world.clock.advance(for_ms)

    def away(self, away: bool) -> None:
        self.world.log.away = away

    def end(self) -> None:
        """Let everything come to rest under one process."""
        self.world.log.away = False
        self.world.log.hold = False
        for name in NAMES:
            self.kill(name)
        while self.world.log.deliver():
            pass
        while self.world.log.snapshots_under_way:
            self.world.log.snapshots_under_way[0].advance()
        for shard in range(SHARDS):
            self.world.group.give(shard, "last")
        self.world.start("last")
        self.world.settle()
        # A fence that is doubled shows only when its owner writes again.
        for shard in range(SHARDS):
            self.send("deposit", shard, shard)
        self.world.settle()
        for shard in range(SHARDS):
            self.world.checkpoint("last", shard)
            self.send("deposit", shard, shard)
        self.world.settle()
        self.last = {shard: self.world.state("last", shard).as_data() for shard in range(SHARDS)}
        self.kill("last")
        for shard in range(SHARDS):
            self.world.group.give(shard, "again")
        self.world.start("again")
        self.world.settle()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=80), st.sampled_from([0, 1_000_000]))
# A marked input was forgotten when the marks ended with the catch-up.
@example(
    [("step", "p", 1), ("deliver", 0, Delivery.WRITTEN), ("kill", "p"), ("send", "send", 0, 0), ("step", "p", 1)], 0
)
def test_every_command_is_decided_exactly_once(history: list[tuple], keep_ms: int) -> None:  # type: ignore[type-arg]
    played = History(keep_ms)
    for step in history:
        played.play(step)
    played.end()
    world = played.world
    balances: dict[str, int] = {}
    for shard in range(SHARDS):
        state = world.replay(shard).state
        assert state.as_data() == played.last[shard], "replay equals live"
        assert state.as_data() == world.state("again", shard).as_data(), "recovery equals both"
        for account in state.deposits:
            balances[account] = balances.get(account, 0) + state.balance(account)
    alarms = sum(account.startswith("alarm") for account in played.sent)
    assert balances.pop("alarms", 0) == alarms
    assert balances == {account: amount for account, amount in played.sent.items() if amount}
