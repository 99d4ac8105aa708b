"""Plays the example on a local stack: `python -m examples.approval`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from examples.approval import approval
from examples.stage import Stage, run_example

_PATIENCE_S = 60.0


def play(stage: Stage) -> None:
    """Ask for a small sum, and for one that somebody has to approve."""
    small = stage.client.start(approval.expense, {"cents": 900, "managers": []}, id=f"lunch-{stage.fresh}")
    stage.say(f"{small.id}: {small.result(timeout=60)}")
    large = stage.client.start(
        approval.expense, {"cents": 90_000, "managers": ["ada", "grace"], "patience": "2s"}, id=f"desk-{stage.fresh}"
    )
    token = _token(approval.INBOX / f"{large.id}-grace")
    stage.say("ada did not answer in time; grace says yes")
    stage.client.complete(token, {"approved": True, "by": "grace"}, wait=True)
    stage.say(f"{large.id}: {large.result(timeout=60)}")


def _token(question: Path) -> str:
    """Wait for a question, and return the token in it."""
    until = time.monotonic() + _PATIENCE_S
    while not question.exists() or not question.read_text():
        if time.monotonic() > until:
            raise TimeoutError(f"Expected a question in {question}, but none has come")
        time.sleep(0.05)
    return question.read_text()


if __name__ == "__main__":
    sys.exit(run_example("approval", "examples.approval.approval", play))
