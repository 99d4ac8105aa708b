"""Rule 7, afterwards: a journal is shortened as far as nobody needs it any more, and no further."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.journal import Checkpoint, EpochStarted, InputPosition
from headrace.contracts.topics import topic_specs
from headrace.engine.context import Limits as EngineLimits
from headrace.engine.context import Shards
from headrace.shard.deletion import deletable, journal_floor
from headrace.shard.followers import Followers
from headrace.shard.limits import Limits
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.reading import JournalReader
from headrace.shard.roles import ShardRole
from headrace_decision.wiring import decision_role
from headrace_execution.dispatcher.wiring import dispatcher_role
from headrace_resources.wiring import resource_role
from tests.support.bank import COMMANDS, JOURNAL
from tests.support.memory_world import MemoryWorld

OWN = TopicPartition(JOURNAL, 0)
OTHERS = [TopicPartition(JOURNAL, 1), TopicPartition("task.journal", 0)]


def started(*positions: tuple[str, int, int]) -> EpochStarted:
    return EpochStarted(
        code_version=1,
        process="p",
        at=0,
        positions=[InputPosition(topic=topic, partition=number, offset=at) for topic, number, at in positions],
    )


def test_the_lowest_checkpoint_of_all_deciders_counts() -> None:
    followers = Followers(OWN, OTHERS)
    assert followers.passed == 0
    followers.heard(OTHERS[0], started((JOURNAL, 0, 41), (JOURNAL, 1, 99)))
    assert followers.passed == 0, "one of them has said nothing yet"
    followers.heard(OTHERS[1], started((JOURNAL, 0, 7)))
    assert followers.passed == 8
    followers.heard(OTHERS[1], started((JOURNAL, 0, 60)))
    assert followers.passed == 42
    followers.heard(OTHERS[0], started((JOURNAL, 0, 3)))  # a zombie's, of an older checkpoint
    followers.heard(OTHERS[0], started())  # the first of a reign, which knows nothing
    assert followers.passed == 42
    followers.heard(TopicPartition("resource.journal", 0), started((JOURNAL, 0, 1)))  # no decider of ours
    assert followers.passed == 42


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_nothing_is_deleted_that_anybody_needs(own: int, passed: int, kept_from: int) -> None:
    floor = journal_floor(own, passed, kept_from)
    assert floor <= own and floor <= passed and floor <= kept_from
    assert floor in (own, passed, kept_from)


def test_only_commands_are_deleted_by_their_position() -> None:
    positions = [InputPosition(topic=topic, partition=0, offset=5) for topic in (COMMANDS, JOURNAL, "worker.reports")]
    checkpoint = Checkpoint(epoch=1, code_version=1, process="p", last_at=0, positions=positions, at=0)
    commands = TopicPartition(COMMANDS, 0)
    assert deletable(checkpoint, OWN, frozenset([commands])) == {commands: 6}


def test_a_journal_waits_for_the_slowest_decider() -> None:
    world = MemoryWorld(2, limits=Limits(record_inputs=1, journal_keep_ms=0, delete_every_ms=0))
    world.start("p")
    for _ in range(10):
        world.send("a", "send", 1, shard=0, to=1)
    world.settle()
    for _ in range(3):
        world.checkpoint("p", 0)
    assert world.low(JOURNAL, 0) == 0, "shard 1 has made no checkpoint"
    first = world.checkpoint("p", 1)
    passed = next(p.offset for p in first.positions if (p.topic, p.partition) == OWN) + 1
    world.checkpoint("p", 1)  # its fence tells of the first
    world.checkpoint("p", 0)
    assert 0 < world.low(JOURNAL, 0) <= passed


def test_a_reader_that_was_away_for_less_than_the_promised_time_finds_everything() -> None:
    keep_ms = 600_000
    world = MemoryWorld(limits=Limits(record_inputs=1, journal_keep_ms=keep_ms, delete_every_ms=0))
    world.start("p")
    reader = JournalReader(world.log, [JOURNAL], name="away", clock=world.clock)
    reader.start()
    seen = 0
    position: dict[TopicPartition, Position] = {}
    for away_ms in (0, keep_ms // 2, keep_ms - 1_000, keep_ms * 3 // 4):
        for _ in range(5):
            world.send("a", "deposit", 1)
        world.settle()
        reader = JournalReader(world.log, [JOURNAL], name="away", clock=world.clock)
        reader.start(position)
        seen += sum(len(accepted.record.events) for accepted in reader.poll())
        position = dict(reader.positions)
        for _ in range(5):
            world.clock.advance(away_ms // 5)
            world.checkpoint("p")
        world.checkpoint("p")
    assert seen == 20
    assert world.low(JOURNAL) > 0, "what is older was deleted"


def test_whoever_decides_on_a_journal_is_heard_by_its_owner() -> None:
    """Deletion rests on it: the journals that a role reads are those of all deciders that read its own."""
    roles: dict[str, ShardRole] = {
        # No decider is made, so it needs no definitions and no budget.
        "decision": decision_role(Shards(shard=0), EngineLimits(), None, None),  # type: ignore[arg-type]
        "dispatcher": dispatcher_role(1),
        "resources": resource_role(1),
    }
    for role in roles.values():
        heard = {spec.topic for spec in role.inputs}
        readers = {reader for reader in topic_specs()[role.journal].readers if reader in roles}
        assert {roles[reader].journal for reader in readers} <= heard, role.name
        for reader in readers:
            assert role.journal in {spec.topic for spec in roles[reader].inputs}, (role.name, reader)
