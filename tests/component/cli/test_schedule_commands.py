"""`headrace schedule` with a real Kafka and a prepared read API."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.prepared import Outcome, Prepared

Command = Callable[..., Outcome]
REFUSED = {"status": "REFUSED", "command": "X", "error": "headrace.NotFound", "cause": "there is none"}
BILLING = {
    "id": "billing",
    "name": "bill",
    "cron": "0 2 1 * *",
    "paused": False,
    "next_at": "2026-12-01T02:00:00.000Z",
    "next_times": ["2026-12-01T02:00:00.000Z"],
    "last_runs": [{"workflow_id": "billing-1", "status": "FAILED", "cause": "time"}],
    "lag_ms": 3,
}


def test_a_schedule_is_set_and_told_when_it_is_next(prepared: Prepared, command: Command) -> None:
    prepared.answers = [(200, BILLING)]
    code, out, err = command("schedule", "set", "billing", "bill", "--cron", "0 2 1 * *", "--jitter", "5m")
    assert (code, err) == (0, "")
    assert out.startswith("billing is set; next at 2026-12-01T02:00:00.000Z (position ")
    prepared.answers = [(200, BILLING)]
    code, out, _ = command("schedule", "set", "billing", "bill", "--every", "1h", "--input", "[1]", "--json")
    assert (code, json.loads(out)["next_at"]) == (0, "2026-12-01T02:00:00.000Z")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--cron", "0 0 30 2 *"), "fits none in the next fifty years"),
        (("--every", "0.5s"), "whole seconds"),
        (("--cron", "* * * * *", "--timezone", "Mars"), "IANA time zone"),
        (("--cron", "* * * * *", "--input", "{"), "Expected JSON"),
        ((), "neither"),
    ],
)
def test_a_schedule_that_cannot_be_is_exit_2(
    prepared: Prepared, command: Command, arguments: tuple[str, ...], text: str
) -> None:
    code, out, err = command("schedule", "set", "billing", "bill", *arguments)
    assert (code, out) == (2, "")
    assert text in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", "billing", "--reason", "holidays"), "billing paused (position "),
        (("resume", "billing"), "billing resumed (position "),
        (("delete", "billing"), "billing deleted (position "),
        (("backfill", "billing", "--from", "2026-11-01", "--to", "2026-11-02"), "billing backfilling (position "),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_was_done_is_said_once_it_was_decided(
    prepared: Prepared, command: Command, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = command("schedule", *arguments)
    assert (code, err, out.startswith(said)) == (0, "", True)
    prepared.command = REFUSED
    code, out, err = command("schedule", *arguments)
    assert (code, out) == (1, "")
    assert err == "Error: Expected billing to take X, but it was refused: headrace.NotFound: there is none\n"


def test_a_start_by_hand_names_its_workflow(
    prepared: Prepared, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.client.sending.new_id", lambda: "mine")
    others = [{"workflow_id": f"billing-{at}", "status": "RUNNING", "command_id": f"c{at}"} for at in range(3)]
    mine = {"workflow_id": "billing-9", "status": "WAITING", "command_id": "mine"}
    prepared.answers = [(200, {"items": [*others, mine], "next_cursor": None})]
    code, out, _ = command("schedule", "trigger", "billing", "--overlap", "queue", "--json")
    assert (code, json.loads(out)["workflow_id"]) == (0, "billing-9")
    assert command("schedule", "trigger", "billing")[1].startswith("billing-9 waiting (position ")


def test_lists_and_one_schedule(prepared: Prepared, command: Command) -> None:
    prepared.answers = [(200, {"items": [BILLING], "next_cursor": None})]
    assert "0 2 1 * *" in command("schedule", "list")[1]
    prepared.answers = [(200, BILLING)]
    code, out, _ = command("schedule", "get", "billing")
    assert code == 0
    assert "next: 2026-12-01T02:00:00.000Z" in out
    assert "billing-1" in out
    prepared.answers = [(200, {"items": BILLING["last_runs"], "next_cursor": None})]
    assert "FAILED" in command("schedule", "runs", "billing")[1]
    prepared.answers = [(404, {"detail": "none"})]
    code, _, err = command("schedule", "get", "nothing")
    assert (code, "no such thing" in err) == (1, True)
