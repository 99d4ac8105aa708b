"""What waiting tasks say alike is kept once, and nobody sees a difference."""

from __future__ import annotations

from headrace.contracts.codec import Codec
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace_execution.dispatcher import sharing
from headrace_execution.dispatcher.sharing import share
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled

CODEC = Codec()


def _read(step: int, *, key: str = "tenant", sooner: int = 0) -> TaskScheduled:
    """Return a task as the log gives it: with objects of its own."""
    limit = TaskLimit(scope="key", name=f"account-{key}", at_once=2)
    rules = TaskRules(fairness_key=key, limits=[limit], close_by=sooner)
    found = CODEC.decode(CODEC.encode(scheduled(step, rules=rules)))
    assert isinstance(found, TaskScheduled)
    return found


def test_two_tasks_that_say_the_same_share_it() -> None:
    shard = DispatcherShard()
    first, second = _read(1), _read(2)
    wanted = [CODEC.encode(first), CODEC.encode(second)]
    assert first.rules is not second.rules
    for task in (first, second):
        share(shard.state, task)
    assert first.rules is second.rules
    assert first.queue is second.queue
    assert [CODEC.encode(first), CODEC.encode(second)] == wanted


def test_rules_that_differ_stay_apart() -> None:
    shard = DispatcherShard()
    tasks = [_read(1), _read(2, key="other"), _read(3, sooner=7)]
    for task in tasks:
        share(shard.state, task)
    assert [task.rules for task in tasks] == [_read(1).rules, _read(2, key="other").rules, _read(3, sooner=7).rules]


def test_what_is_known_is_bounded() -> None:
    shard = DispatcherShard()
    for number in range(sharing._KNOWN + 10):
        share(shard.state, scheduled(number, rules=TaskRules(fairness_key=str(number))))
    assert len(shard.state.live.rules) == 10


def test_who_waits_shares() -> None:
    shard = DispatcherShard()
    shard.record(_read(1), _read(2))
    one, other = (attempt.task.rules for attempt in shard.state.open.values())
    assert one is other
    shard.checkpoint()
    restored = shard.decider.restored(sorted(shard.entries.items()))
    one, other = (attempt.task.rules for attempt in restored.open.values())
    assert one is other
    assert one == _read(1).rules
