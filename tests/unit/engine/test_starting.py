"""What a start command leads to."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.commands import StartWorkflow
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import WorkerGoodbye
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import (
    CommandForwarded,
    CommandRejected,
    StartRefused,
    WorkflowStarted,
    WorkflowStuck,
)
from headrace.engine.context import Limits, Shards
from tests.unit.engine.decision_shard import CODEC, DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN


def test_a_start_begins_the_run_and_schedules_what_is_ready() -> None:
    shard = DecisionShard(CHAIN)
    events = shard.start("chain", {"x": 1})
    assert names(events) == ["WorkflowStarted", "TaskScheduled"]
    assert only(events, WorkflowStarted).version == "test"
    assert only(events, TaskScheduled).task == "one"


def test_the_same_command_twice_starts_one_workflow() -> None:
    shard = DecisionShard(CHAIN)
    shard.start("chain")
    assert shard.start("chain") == []


@pytest.mark.parametrize("closed", [False, True])
def test_the_same_start_by_another_command_joins(closed: bool) -> None:
    shard = DecisionShard(CHAIN)
    shard.start("chain", {"x": 1})
    if closed:
        shard.terminate()
    assert shard.start("chain", {"x": 1}, command_id="c2") == []


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    "fields", [{"input": {"x": 2}}, {"input": {"x": 1}, "if_exists": "fail"}], ids=["another input", "fail"]
)
def test_a_used_id_is_refused_and_nothing_changes(closed: bool, fields: dict[str, object]) -> None:
    shard = DecisionShard(CHAIN)
    shard.start("chain", {"x": 1})
    if closed:
        shard.terminate()
    before = (shard.state.runs.packed("w"), shard.state.closed.get("w"))
    assert before != (None, None)
    refused = only(shard.start("chain", command_id="c2", **fields), StartRefused)
    assert (refused.error, refused.existing, refused.command_id) == ("headrace.AlreadyExists", True, "c2")
    assert (shard.state.runs.packed("w"), shard.state.closed.get("w")) == before


def test_a_command_that_comes_again_after_a_later_run_starts_nothing() -> None:
    shard = DecisionShard(CHAIN)
    for command in ("c1", "c2", "c3"):
        assert only(shard.start("chain", command_id=command, if_exists="rerun"), WorkflowStarted)
        assert shard.start("chain", command_id="c1", if_exists="rerun") == []
        shard.terminate()
        for earlier in ("c1", command):
            assert shard.start("chain", command_id=earlier, if_exists="rerun") == []
    shard.take_over()
    assert shard.start("chain", command_id="c2", if_exists="rerun") == []
    assert only(shard.start("chain", command_id="c4", if_exists="rerun"), WorkflowStarted).attempt == 4


def test_rerun_waits_for_the_end_and_then_counts_on() -> None:
    shard = DecisionShard(CHAIN)
    first = only(shard.start("chain", {"x": 1}), WorkflowStarted)
    refused = only(shard.start("chain", {"x": 2}, command_id="c2", if_exists="rerun"), StartRefused)
    assert refused.error == "headrace.AlreadyExists"
    shard.terminate()
    again = only(shard.start("chain", {"x": 2}, command_id="c3", if_exists="rerun"), WorkflowStarted)
    assert again.attempt == 2
    assert again.run_id != first.run_id


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"workflow_id": "no spaces"}, "headrace.InvalidId"),
        ({"workflow_id": "x" * 201}, "headrace.InvalidId"),
        ({"if_exists": "perhaps"}, "headrace.InvalidInput"),
        ({"input": b"{"}, "headrace.InvalidInput"),
        ({"input": b'"' + b"x" * 1023 + b'"'}, "headrace.InputTooLarge"),
        ({"name": "nobody"}, "headrace.UnknownDefinition"),
    ],
)
def test_a_start_that_cannot_be_is_refused(fields: dict[str, object], error: str) -> None:
    shard = DecisionShard(CHAIN, limits=Limits(payload_bytes=1024))
    command = {"command_id": "c", "workflow_id": "w", "issued_at": 0, "name": "chain", "input": b"{}", **fields}
    events = shard.command(StartWorkflow(**command))
    assert only(events, StartRefused).error == error
    assert not shard.state.runs


def test_an_input_of_exactly_the_limit_starts() -> None:
    shard = DecisionShard(CHAIN, limits=Limits(payload_bytes=1024))
    events = shard.start("chain", "x" * 1022)
    assert only(events, WorkflowStarted).input == b'"' + b"x" * 1022 + b'"'


def test_an_unknown_definition_goes_to_the_dead_letters_too() -> None:
    shard = DecisionShard(CHAIN)
    letter = only(shard.start("nobody"), CommandRejected)
    assert letter.workflow_id == "w"
    assert "nobody" in letter.reason


def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_shard_goes_on() -> None:
    shard = DecisionShard(CHAIN)
    letter = only(shard.command(None, key="w", value=b"junk", error="no framing"), CommandRejected)
    assert (letter.value, letter.reason, letter.workflow_id) == (b"junk", "no framing", "w")
    wrong = WorkerGoodbye(worker="a", session="b", sent_at=0)
    assert only(shard.command(wrong), CommandRejected).error == "headrace.UnexpectedMessage"
    assert names(shard.start("chain")) == ["WorkflowStarted", "TaskScheduled"]


def test_a_command_on_the_wrong_shard_is_forwarded_and_decided_by_the_right_one() -> None:
    owner = shard_of("w", 4)
    wrong = DecisionShard(CHAIN, shards=Shards(shard=(owner + 1) % 4, decision=4))
    right = DecisionShard(CHAIN, shards=Shards(shard=owner, decision=4))
    forwarded = only(wrong.start("chain"), CommandForwarded)
    assert forwarded.to_shard == owner
    assert tuple(wrong.decider.addressees(forwarded)) == (f"d{owner}",)
    assert CODEC.decode(forwarded.command).type_name() == "StartWorkflow"
    assert names(right.hear(forwarded)) == ["WorkflowStarted", "TaskScheduled"]
    assert right.hear(forwarded) == []


def test_a_definition_for_a_newer_interpreter_is_refused() -> None:
    shard = DecisionShard(CHAIN)
    newer = msgspec.structs.replace(shard.definitions.latest("chain"), interpreter=99)
    shard.definitions._by_name["chain"] = newer
    refused = only(shard.start("chain"), StartRefused)
    assert refused.error == "headrace.UnknownInterpreter"
    assert "needs version 99; upgrade the decision service" in refused.cause


def test_a_run_that_newer_code_began_is_stuck_and_keeps_what_comes_for_it() -> None:
    shard = DecisionShard(CHAIN)
    task = only(shard.start("chain"), TaskScheduled)
    newer = msgspec.structs.replace(shard.definitions.latest("chain"), interpreter=99)
    shard.definitions._by_name["chain"] = newer
    shard.new_process()
    stuck = only(shard.complete(task), WorkflowStuck)
    assert stuck.error == "headrace.UnknownInterpreter"
    assert names(shard.complete(task)) == ["CommandHeld"]
