"""`headrace start`, `cancel`, `terminate` and `deploy` with a real Kafka and a prepared read API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.prepared import RUNNING, Outcome, Prepared

SUCCEEDED = {**RUNNING, "status": "SUCCEEDED", "output": {"flour": 3}, "tasks": {"SUCCEEDED": 1}}
FAILED = {**RUNNING, "status": "FAILED", "error": "ValueError", "cause": "no water"}
REFUSED = {**RUNNING, "status": "FAILED", "attempt": 0, "error": "headrace.UnknownDefinition", "cause": "no mill"}


def test_start_and_its_refusals(prepared: Prepared, command: Callable[..., Outcome]) -> None:
    code, out, err = command("start", "mill", "--id", "w-1", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["id"], found["status"]) == ("w-1", "RUNNING")
    assert prepared.api is not None
    assert prepared.api.asked[0][1]["after"] == found["position"]

    prepared.answers = [(200, REFUSED)]
    code, out, err = command("start", "mill", "--id", "w-1")
    assert (code, out) == (1, "")
    assert err == "Error: Expected w-1 to start, but it was refused: headrace.UnknownDefinition: no mill\n"


def test_a_start_that_joins_says_so(prepared: Prepared, command: Callable[..., Outcome]) -> None:
    prepared.answers = [(200, FAILED)]
    prepared.parts["history"] = [{"type": "WorkflowStarted", "detail": {"command_id": "of-another"}}]
    told = "w-1 exists already and is FAILED; --if-exists rerun starts it again\n"
    assert command("start", "mill", "--id", "w-1") == (0, told, "")
    assert json.loads(command("start", "mill", "--id", "w-1", "--json")[1])["joined"] is True

    code, out, err = command("start", "mill", "--id", "w-1", "--wait", "--json")
    assert (code, json.loads(out)["joined"]) == (1, True)
    assert err == told + "Error: Expected w-1 to succeed, but it is FAILED: ValueError: no water\n"

    prepared.answers = [(200, SUCCEEDED)]
    assert command("start", "mill", "--id", "w-1", "--wait") == (
        0,
        '{"flour": 3}\n',
        told.replace("FAILED", "SUCCEEDED"),
    )

    code, out, _ = command("start", "mill", "--id", "w-1", "--if-exists", "rerun", "--json")
    assert (code, "joined" in json.loads(out)) == (0, False)


@pytest.mark.parametrize("answer", [(504, {"detail": "3 s behind"}), (404, {}), (503, {})])
def test_a_read_api_that_cannot_tell_is_a_warning(
    prepared: Prepared, command: Callable[..., Outcome], answer: tuple[int, Any]
) -> None:
    prepared.answers = [answer]
    code, out, err = command("start", "mill", "--id", "w-1", "--timeout", "1")
    assert code == 0
    assert out.startswith("w-1 published (position ")
    assert err.startswith("Warning: the start is published, but what became of it cannot be seen: ")


def test_waiting_prints_the_output_and_the_exit_code_is_the_workflows(
    prepared: Prepared, command: Callable[..., Outcome]
) -> None:
    prepared.answers = [(200, RUNNING), (200, SUCCEEDED)]
    assert command("start", "mill", "--id", "w-1", "--wait") == (0, '{"flour": 3}\n', "w-1 succeeded\n")

    prepared.answers = [(200, RUNNING), (200, FAILED)]
    code, out, err = command("start", "mill", "--id", "w-1", "--wait", "--json")
    assert (code, json.loads(out)) == (1, FAILED)
    assert err == "Error: Expected w-1 to succeed, but it is FAILED: ValueError: no water\n"

    prepared.answers = [(200, RUNNING)]
    code, out, err = command("start", "mill", "--id", "w-1", "--wait", "--timeout", "0.2")
    assert (code, out) == (3, "")
    assert err == "Error: Expected w-1 to end within 0.2 s, but it is RUNNING\n"


def test_when_time_is_over_the_error_says_what_the_workflow_waits_for(
    prepared: Prepared, command: Callable[..., Outcome]
) -> None:
    prepared.answers = [(200, {**RUNNING, "tasks": {"UNSERVED": 1}})]
    prepared.parts["tasks"] = [{"name": "b", "index": None, "status": "UNSERVED", "reason": "no worker offers it"}]
    code, out, err = command("start", "mill", "--id", "w-1", "--wait", "--timeout", "0.2")
    assert (code, out) == (3, "")
    text = "Expected w-1 to end within 0.2 s, but it is RUNNING: task b is UNSERVED: no worker offers it"
    assert err == f"Error: {text}\n"

    prepared.parts["history"] = [{"type": "WorkflowStarted", "detail": {"command_id": "of-another"}}]
    err = command("start", "mill", "--id", "w-1", "--wait", "--timeout", "0.2")[2]
    assert err == f"w-1 exists already and is RUNNING\nError: {text}\n"


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_ending_workflows(prepared: Prepared, command: Callable[..., Outcome], verb: str) -> None:
    code, out, _ = command(verb, "w-1", "--json")
    found = json.loads(out)
    assert (code, found["id"], found["already_ended"]) == (0, "w-1", False)

    prepared.answers = [(200, FAILED)]
    assert command(verb, "w-1") == (0, "w-1 has already ended as FAILED\n", "")
    found = json.loads(command(verb, "w-1", "--json")[1])
    assert (found["status"], found["already_ended"]) == ("FAILED", True)

    prepared.answers = [(200, {"items": [{"id": "a"}, {"id": "b"}], "next_cursor": None})]
    code, out, _ = command(verb, "--where", "name = 'mill'", "--json")
    assert (code, [each["id"] for each in json.loads(out)]) == (0, ["a", "b"])

    prepared.answers = [(200, {"items": [], "next_cursor": None})]
    assert command(verb, "--where", "name = 'nobody'") == (0, "0 workflows found\n", "")
    assert command(verb, "--where", "name = 'nobody'", "--json") == (0, "[]\n", "")

    prepared.answers = [(404, {})]
    assert command(verb, "nobody")[0] == 1


def test_deploy_prints_what_it_published(prepared: Prepared, command: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text("apiVersion: headrace/v1\nname: small\ntasks: {one: {task: grind}}\n")
    (tmp_path / "tasks.py").write_text("from headrace import task\n@task\ndef grind(): ...\n")
    code, out, err = command("deploy", str(tmp_path / "small.yaml"), str(tmp_path / "tasks.py"), "--json")
    assert (code, err) == (0, "")
    assert [each["name"] for each in json.loads(out)] == ["small"]
    code, out, err = command("deploy", str(tmp_path / "tasks.py"))
    assert (code, out) == (0, "")
    assert "No workflows in these files" in err
