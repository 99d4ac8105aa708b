"""Folding changes into a batch before they are written."""

from __future__ import annotations

from headrace_status.fold.batch import Batch
from headrace_status.fold.changes import Append, CloseTasks, Delete, Put, run_of


def batch_of(*changes: Put | Delete | Append | CloseTasks) -> Batch:
    batch = Batch()
    for change in changes:
        batch.add(change)
    return batch


def test_puts_of_one_row_become_one() -> None:
    batch = batch_of(
        Put("nodes", ("w",), {"status": "A", "error": "x"}), Put("nodes", ("w",), {"status": "B", "error": None})
    )
    assert batch.puts["nodes"] == {("w",): {"status": "B", "error": "x"}}
    assert batch.rows() == 1


def test_a_batch_does_not_change_the_events_values() -> None:
    values = {"status": "A"}
    batch_of(Put("nodes", ("w",), values), Put("nodes", ("w",), {"status": "B"}))
    assert values == {"status": "A"}


def test_a_delete_drops_what_was_put_before_it_and_not_what_comes_after() -> None:
    batch = batch_of(
        Put("leases", ("k",), {"state": "HELD"}), Delete("leases", ("k",)), Put("leases", ("k",), {"units": 1})
    )
    assert batch.deletes["leases"] == {("k",): None}
    assert batch.puts["leases"] == {("k",): {"units": 1}}


def test_a_row_of_another_run_is_not_touched() -> None:
    batch = batch_of(
        Put("workflows", ("w",), {**run_of("1"), "status": "RUNNING"}),
        Put("workflows", ("w",), {**run_of(""), "status": "FAILED"}),
        Put("workflows", ("w",), {**run_of("0"), "status": "SUCCEEDED"}),
    )
    assert batch.puts["workflows"] == {("w",): {"run_id": "1", "origin": "1", "status": "RUNNING"}}


def test_a_row_goes_on_under_the_run_that_continues_its_own() -> None:
    batch = batch_of(
        Put("workflows", ("w",), {**run_of("0-7"), "status": "RUNNING", "name": "n"}),
        Put("workflows", ("w",), {**run_of("0-7.1"), "continued": 1}),
        Put("workflows", ("w",), {**run_of("0-7.1"), "status": "SUCCEEDED"}),
    )
    row = {"run_id": "0-7.1", "origin": "0-7", "status": "SUCCEEDED", "name": "n", "continued": 1}
    assert batch.puts["workflows"] == {("w",): row}


def test_attributes_are_merged_one_by_one() -> None:
    batch = batch_of(
        Put("workflows", ("w",), {**run_of("1"), "search": '{"a":1,"b":2}'}),
        Put("workflows", ("w",), {**run_of("1"), "search": '{"b":[3],"c":"x"}'}),
        Put("workflows", ("w",), {**run_of("1"), "status": "RUNNING"}),
    )
    assert batch.puts["workflows"][("w",)]["search"] == '{"a":1,"b":[3],"c":"x"}'


def test_the_first_reason_to_close_holds() -> None:
    batch = batch_of(CloseTasks("w", "r", -1, "first", 1), CloseTasks("w", "r", -1, "second", 2))
    assert [close.reason for close in batch.closes.values()] == ["first"]


def test_an_assignment_that_is_made_and_ended_in_one_batch_never_was() -> None:
    made = Put("assignments", (0, 9), {"worker": "w"})
    batch = batch_of(made, Delete("assignments", (0, 9)), Delete("assignments", (0, 8)))
    assert batch.puts["assignments"] == {}
    assert list(batch.deletes["assignments"]) == [(0, 8)]
