"""The approval example, in memory: the token is found where it was put."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.approval import approval
from headrace.testing import run_workflow, start_workflow

ASKED = {"cents": 10_000, "managers": ["ada", "grace"]}


@pytest.fixture(autouse=True)
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(approval, "INBOX", tmp_path / "inbox")
    return tmp_path / "inbox"


def test_small_expenses_pass() -> None:
    assert run_workflow(approval.expense, {**ASKED, "cents": 100}).output == "paid 100 cents for test"


def test_somebody_says_yes(inbox: Path) -> None:
    with start_workflow(approval.expense, ASKED) as run:
        run.advance("2d")
        run.complete((inbox / "test-ada").read_text(), {"approved": True, "by": "ada"})
        assert run.result.output == "paid 10000 cents for test"


def test_somebody_says_no(inbox: Path) -> None:
    with start_workflow(approval.expense, ASKED) as run:
        run.complete((inbox / "test-ada").read_text(), {"approved": False, "by": "ada", "remark": "too much"})
        assert run.result.output == "refused by ada: too much"


def test_who_does_not_answer_is_passed_over(inbox: Path) -> None:
    with start_workflow(approval.expense, ASKED) as run:
        run.advance("3d")
        run.complete((inbox / "test-grace").read_text(), {"approved": True, "by": "grace"})
        assert run.result.output == "paid 10000 cents for test"
    assert run_workflow(approval.expense, ASKED).output == "refused: nobody answered"
