"""Rule 7 on a real Kafka: processes are killed while they make checkpoints, and what all have passed is deleted."""

from __future__ import annotations

import signal

from headrace.runtime.settings import Settings
from headrace.shard.clock import SystemClock
from headrace.shard.host import ShardHost
from headrace.shard.kafka import KafkaLog
from headrace.shard.limits import Limits
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.reading import JournalReader
from tests.contract.log.bank_process import SHARDS, Client, Start
from tests.contract.log.conftest import until
from tests.support.bank import COMMANDS, JOURNAL, Bank, bank_role

OFTEN = {"HEADRACE_CHECKPOINT_MS": "100", "HEADRACE_DELETE_EVERY_MS": "0", "HEADRACE_SNAPSHOT_CHUNK_BYTES": "1024"}
NOTHING_KEPT = {**OFTEN, "HEADRACE_JOURNAL_KEEP_MS": "0"}
PARTITIONS = {topic: [TopicPartition(topic, shard) for shard in range(SHARDS)] for topic in (COMMANDS, JOURNAL)}


def recovered(settings: Settings) -> tuple[list[Bank], int]:
    """Take the shards over in this process; return their states, and how many records were replayed for them."""
    log = KafkaLog(settings)
    group = MemoryGroup(SHARDS).join("test")
    host = ShardHost(bank_role(), log, group, SystemClock(), limits=Limits(clock_tolerance_ms=600_000))

    def caught_up() -> bool:
        host.step(wait=True)
        return host.ready()

    until(caught_up)
    states = [shard.fold.state for _, shard in sorted(host.shards.items()) if shard.fold is not None]
    replayed = sum(metrics.replayed for metrics in host.metrics.values())
    host.retire()
    log.close()
    return states, replayed


def balances(states: list[Bank]) -> int:
    return sum(state.balance("a") for state in states)


def test_killed_between_checkpoints_nothing_is_lost_though_commands_and_journals_are_deleted(
    settings: Settings, start: Start
) -> None:
    client, log = Client(settings), KafkaLog(settings)
    for name in ("p", "q", "r"):
        process = start(name, **OFTEN).await_ready()
        client.send(200)
        client.await_at_least(len(client.deposits) + 100)
        process.end(signal.SIGKILL)
        client.send(50)
    start("s", **OFTEN).await_ready()
    client.await_deposits(750)
    until(lambda: all(low == end for low, end in log.bounds(PARTITIONS[COMMANDS]).values()))
    assert all(low == 0 for low, _ in log.bounds(PARTITIONS[JOURNAL]).values()), "kept for seven days"
    log.close()


def test_a_shard_whose_journal_begins_at_its_checkpoint(settings: Settings, start: Start) -> None:
    client, log = Client(settings), KafkaLog(settings)
    client.send(400)
    first = start("p", **NOTHING_KEPT).await_ready()
    until(lambda: all(low == end for low, end in log.bounds(PARTITIONS[COMMANDS]).values()))
    until(lambda: all(low > 0 for low, _ in log.bounds(PARTITIONS[JOURNAL]).values()))
    first.end(signal.SIGKILL)
    away = {where: bounds.end for where, bounds in log.bounds(PARTITIONS[JOURNAL]).items()}
    states, replayed = recovered(settings)
    assert balances(states) == 400
    assert replayed <= SHARDS * 5
    # Deciding goes on where it was.
    reader = JournalReader(log, [JOURNAL], name="news")
    reader.start({where: Position(end - 1) for where, end in away.items()})
    second = start("q", **OFTEN).await_ready()
    client.send(100)
    seen: set[str] = set()

    def all_seen() -> bool:
        for accepted in reader.poll():
            seen.update(event.run_id for event in accepted.record.events)  # type: ignore[attr-defined]
        return len(seen) >= 100

    until(all_seen)
    assert second.end(signal.SIGTERM) == 0
    assert balances(recovered(settings)[0]) == 500
    log.close()


def test_a_paused_owner_that_wakes_up_changes_no_snapshot(settings: Settings, start: Start) -> None:
    client = Client(settings)
    paused = start("p", **OFTEN).await_ready()
    client.send(200)
    client.await_deposits(200)
    client.send(200)
    paused.process.send_signal(signal.SIGSTOP)  # in the middle of whatever it does
    second = start("q", **OFTEN).await_ready()
    client.send(200)
    client.await_deposits(600)
    paused.process.send_signal(signal.SIGCONT)
    client.send(200)
    client.await_deposits(800)
    for process in (paused, second):
        process.end(signal.SIGKILL)
    assert balances(recovered(settings)[0]) == 800
