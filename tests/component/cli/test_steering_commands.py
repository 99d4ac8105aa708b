"""`headrace signal`, `pause`, `resume`, `migrate`, `retry` and `task` with a real Kafka and a prepared read API."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from headrace.contracts.callback_tokens import SIGNATURE_BYTES, CallbackStep, write_token
from tests.support.prepared import RUNNING, Outcome, Prepared

TOKEN = write_token(CallbackStep(workflow_id="w-1", run_id="0-7", step=3), bytes(SIGNATURE_BYTES))
REFUSED = {"status": "REFUSED", "command": "X", "error": "headrace.NotRunning", "cause": "it ended; start it again"}
FOUND = {"items": [{"id": "a"}, {"id": "b"}], "next_cursor": None}
Command = Callable[..., Outcome]


def asked_for_commands(prepared: Prepared) -> list[dict[str, str]]:
    assert prepared.api is not None
    return [query for path, query in prepared.api.asked if path.startswith("/api/v1/commands/")]


def test_a_signal_is_waited_for(prepared: Prepared, command: Command) -> None:
    code, out, err = command("signal", "w-1", "go", "--data", '{"n": 1}', "--json")
    found = json.loads(out)
    assert (code, err, found["id"], found["signal"]) == (0, "", "w-1", "go")
    assert [query["after"] for query in asked_for_commands(prepared)] == [found["position"]]
    assert command("signal", "w-1", "go")[1].startswith("w-1 got go (position ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("signal", "w-1", "go"),
        ("pause", "w-1"),
        ("resume", "w-1"),
        ("migrate", "w-1", "--to", "v2"),
        ("retry", "w-1"),
        ("task", "complete", TOKEN),
        ("task", "fail", TOKEN, "--error", "E"),
        ("task", "heartbeat", TOKEN),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_refusal_is_exit_1_with_its_text(prepared: Prepared, command: Command, arguments: tuple[str, ...]) -> None:
    prepared.command = REFUSED
    assert command(*arguments) == (
        1,
        "",
        "Error: Expected w-1 to take X, but it was refused: headrace.NotRunning: it ended; start it again\n",
    )


@pytest.mark.parametrize(("verb", "statuses"), [("pause", "RUNNING"), ("resume", "PAUSED,STUCK")])
def test_pause_and_resume_say_how_it_stands(prepared: Prepared, command: Command, verb: str, statuses: str) -> None:
    prepared.answers = [(200, {**RUNNING, "status": "PAUSED", "version": "v1"})]
    code, out, _ = command(verb, "w-1", "--reason", "lunch")
    assert (code, out.startswith("w-1 is PAUSED (position ")) == (0, True)

    prepared.answers = [(200, FOUND), (200, RUNNING)]
    code, out, _ = command(verb, "--where", "name = 'mill'", "--json")
    assert (code, [each["id"] for each in json.loads(out)]) == (0, ["a", "b"])
    assert prepared.api is not None
    assert [query["status"] for path, query in prepared.api.asked if path.endswith("/workflows")] == [statuses]


def test_many_go_on_where_one_refuses(prepared: Prepared, command: Command) -> None:
    prepared.answers, prepared.command = [(200, FOUND)], REFUSED
    code, out, err = command("signal", "go", "--where", "true = true")
    assert (code, out) == (1, "0 workflows done\n")
    assert err.splitlines() == [
        "Error: Expected all 2 workflows to take it, but 2 refused it, and were not changed:",
        "  a: headrace.NotRunning: it ended; start it again",
        "  b: headrace.NotRunning: it ended; start it again",
    ]
    code, out, _ = command("signal", "go", "--where", "true = true", "--json")
    assert (code, [row["refused"] for row in json.loads(out)]) == (1, [True, True])


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "more", "code", "done"),
    [("n\n", (), 130, ""), ("y\n", (), 0, "2 workflows done\n"), ("", ("--yes",), 0, "2 workflows done\n")],
)
def test_on_a_terminal_it_asks_before_many_are_changed(
    prepared: Prepared,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    more: tuple[str, ...],
    code: int,
    done: str,
) -> None:
    prepared.answers = [(200, FOUND)]
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    found, out, err = command("cancel", "--where", "name = 'mill'", *more)
    assert (found, out.endswith(done)) == (code, True)
    assert ("cancel 2 workflows?" in err) is not bool(more)


def test_migrating_says_which_version_it_runs_on(prepared: Prepared, command: Command) -> None:
    prepared.answers = [(200, {**RUNNING, "version": "v2"})]
    code, out, _ = command("migrate", "w-1", "--to", "v2")
    assert (code, out.startswith("w-1 runs on v2 (position ")) == (0, True)
    assert command("migrate", "w-1", "--to", "v2", "--dry-run") == (0, "w-1 agrees with v2\n", "")


def test_a_retry_can_be_waited_for(prepared: Prepared, command: Command) -> None:
    again: dict[str, Any] = {**RUNNING, "attempt": 2}
    prepared.answers = [(200, again)]
    code, out, _ = command("retry", "w-1", "--from", "grind", "--input", '{"n": 2}')
    assert (code, out.startswith("w-1 runs again as attempt 2 (position ")) == (0, True)
    prepared.answers = [(200, again), (200, {**again, "status": "SUCCEEDED", "output": [3]})]
    assert command("retry", "w-1", "--wait") == (0, "[3]\n", "w-1 succeeded\n")


def test_a_token_finds_its_workflow(prepared: Prepared, command: Command) -> None:
    code, out, _ = command("task", "complete", TOKEN, "--output", "[1]", "--json")
    assert (code, json.loads(out)["done"]) == (0, "completed")
    assert command("task", "fail", TOKEN, "--error", "Rejected", "--cause", "no")[1].startswith("failed (position ")
    assert command("task", "heartbeat", TOKEN)[1].startswith("kept alive (position ")
