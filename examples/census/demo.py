"""`make demo`: a census of the standard library on a local stack of its own, from start to end.

Starts Kafka, Postgres and the services without data of earlier runs, deploys the workflow, publishes a start command
with a fresh id, shows how far it is, prints what the read API answers, stops everything. The last line of stdout is
JSON; the exit code is 0 only when the workflow succeeded.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from headrace import Client
from headrace.client.errors import ClientError
from headrace.local.dev_child import DevStack, running_dev
from headrace.local.errors import LocalStackError

CHECKOUT = Path(__file__).resolve().parents[2]
APPS = ("examples.census.tasks", "examples.census.listeners", "examples/census/census.yaml")
# What the account calls slow: most parts of the test suite are, so that there is something to see.
SLOW_MS = 300
FIGURES = ("files", "lines", "functions", "classes", "unparsable")
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT", "STUCK"})
_POLL_S = 0.25
_SHOW_S = 1.0
# A listener may lag behind the end of the workflow; if it does not catch up in this time, the demo ends without it.
_LISTENER_S = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run the demo and return its exit code."""
    options = _parser().parse_args(arguments)
    os.chdir(CHECKOUT)  # The apps are named as seen from here, and `python -m` finds them here.
    signal.signal(signal.SIGTERM, _terminated)
    began = time.monotonic()
    workflow_id = f"census-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    report = options.state.absolute() / f"report-{workflow_id}.html"
    account = options.state.absolute() / "account.log"
    environment = {"CENSUS_ACCOUNT": str(account), "CENSUS_SLOW_MS": str(SLOW_MS)}
    _say(f"starting Kafka, Postgres and the services; their logs are in {options.state.absolute() / 'logs'}")
    try:
        with running_dev(
            options.state,
            apps=APPS,
            workers=options.workers,
            # The journals of an earlier demo have nothing to tell, and may be of another version. Its report stays.
            fresh=True,
            environment=environment,
            say=lambda line: _say(f"  {line}"),
        ) as stack:
            _say(f"ready after {time.monotonic() - began:.1f} s: {stack.api}")
            answer = run_census(stack, workflow_id, {"root": options.root, "report": str(report)}, options.timeout)
            show(stack, answer, account)
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    except (LocalStackError, ClientError) as error:
        print(error, file=sys.stderr)
        return 3
    print(json.dumps(last_line(answer)))
    return 0 if answer["status"] == "SUCCEEDED" else 1


def run_census(stack: DevStack, workflow_id: str, census_input: dict[str, str], timeout_s: float) -> dict[str, Any]:
    """Start the workflow, show how far it is, and return what the read API says of it once it has ended.

    Raises:
        ClientError: Kafka or the read API does not answer, or the workflow has not ended in time.
    """
    with Client(stack.settings()) as client:
        handle = client.start("census", census_input, id=workflow_id)
        _say(f"started {workflow_id} (its command stands at {handle.position})")
        deadline = time.monotonic() + timeout_s
        shown, shown_at = "", 0.0
        while True:
            answer = handle.status()
            progress = progress_line(answer)
            if progress != shown and (time.monotonic() - shown_at >= _SHOW_S or answer["status"] in ENDED):
                _say(f"  {progress}")
                shown, shown_at = progress, time.monotonic()
            if answer["status"] in ENDED:
                return answer
            if time.monotonic() > deadline:
                raise ClientError(f"Expected {workflow_id} to end within {timeout_s:g} s, but it is {answer['status']}")
            time.sleep(_POLL_S)


def show(stack: DevStack, answer: Mapping[str, Any], account: Path) -> None:
    """Print the result: the figures, the report, the account of slow tasks, and the read API's answer."""
    url = f"{stack.api}/api/v1/workflows/{answer['id']}"
    if answer["status"] == "SUCCEEDED":
        _say(", ".join(f"{answer['output'][name]:,} {name}" for name in FIGURES))
        _say(f"report: {answer['output']['report']}")
    else:
        _say(f"{answer['status']}: {answer['error']}: {answer['cause']}")
    expected, told = wait_for_account(stack, answer["id"], account)
    _say(f"account of slow and failed tasks ({told} of {expected} noted): {account}")
    _say(f"GET {url}")
    print(json.dumps(answer, indent=2), flush=True)


def wait_for_account(stack: DevStack, workflow_id: str, account: Path) -> tuple[int, int]:
    """Wait for the listener, and return how many tasks should stand in its account, and how many do."""
    with Client(stack.settings()) as client:
        tasks = client.tasks(workflow_id)
    expected = sum(is_noteworthy(task) for task in tasks)
    deadline = time.monotonic() + _LISTENER_S
    while True:
        lines = account.read_text(encoding="utf-8").splitlines() if account.exists() else []
        told = len({line for line in lines if line.startswith(f"{workflow_id} ")})
        if told >= expected or time.monotonic() > deadline:
            return expected, told
        time.sleep(_POLL_S)


def is_noteworthy(task: Mapping[str, Any]) -> bool:
    """Tell whether a task of the read API was slow or did not succeed. Only a foreach's items and plain tasks ran."""
    if task["status"] in ("FAILED", "TIMED_OUT"):
        return True
    if task["status"] != "SUCCEEDED" or not task.get("started_at") or not task.get("ended_at"):
        return False
    return milliseconds(task["ended_at"]) - milliseconds(task["started_at"]) >= SLOW_MS


def milliseconds(moment: int | str) -> float:
    """Return a time of the read API in ms since the epoch."""
    from datetime import datetime

    return moment if isinstance(moment, int) else datetime.fromisoformat(moment).timestamp() * 1000


def progress_line(answer: Mapping[str, Any]) -> str:
    """Return how far a workflow is, in a few words."""
    counts: Mapping[str, int] = answer.get("tasks") or {}
    return f"{answer['status']}: " + (
        ", ".join(f"{n} {name}" for name, n in sorted(counts.items()) if n) or "no tasks yet"
    )


def last_line(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last line says; figures are null when there are none."""
    output = answer.get("output") or {}
    seconds = None
    if answer.get("started_at") and answer.get("ended_at"):
        seconds = round((milliseconds(answer["ended_at"]) - milliseconds(answer["started_at"])) / 1000, 3)
    return {
        "id": answer["id"],
        "status": answer["status"],
        **{name: output.get(name) for name in FIGURES},
        "seconds": seconds,
        "report": output.get("report"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="A census of Python sources on a local stack.")
    parser.add_argument("--root", default="", help="folder to count [default: the standard library]")
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".headrace" / "demo", help="state of the local stack")
    parser.add_argument("--workers", type=int, default=2, help="worker processes [default: 2]")
    parser.add_argument(
        "--timeout", type=float, default=600.0, help="seconds that the workflow may take [default: 600]"
    )
    return parser


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
