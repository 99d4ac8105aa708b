"""Expenses: small ones pass, larger ones wait for somebody who says yes or no, for days if need be."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrace import CallbackFailed, WorkflowContext, current, task, workflow

INBOX = Path(os.environ.get("APPROVAL_INBOX", tempfile.gettempdir())) / "approvals"
"""Where people find what they are asked: one file for each question, which holds the token of the answer."""
SMALL_CENTS = 5_000


@dataclass(frozen=True)
class Answer:
    """What a manager says."""

    approved: bool
    by: str
    remark: str = ""


@task(queue="expenses")
def ask(whom: str, expense: str, cents: int, token: str) -> None:
    """Put a question into somebody's inbox. In real life this is a mail with a link."""
    INBOX.mkdir(parents=True, exist_ok=True)
    (INBOX / f"{expense}-{whom}").write_text(token)
    current().log.info("asked %s for %d cents", whom, cents)


@task(queue="expenses")
def pay(expense: str, cents: int) -> str:
    """Pay the money out."""
    return f"paid {cents} cents for {expense}"


@workflow
async def expense(ctx: WorkflowContext, cents: int, managers: list[str], patience: str = "3d") -> str:
    """Ask one manager after the other until one of them answers; whoever does not answer in time is passed over."""
    if cents <= SMALL_CENTS:
        return await ctx.run(pay, ctx.workflow_id, cents)
    for manager in managers:
        question = ctx.callback(timeout=patience, type=Answer)
        ctx.publish("waits_for", manager)
        await ctx.run(ask, manager, ctx.workflow_id, cents, question.token)
        try:
            answer = await question
        except CallbackFailed as passed_over:
            ctx.publish("passed_over", f"{manager}: {passed_over.error}")
            continue
        if not answer.approved:
            return f"refused by {answer.by}: {answer.remark}"
        return await ctx.run(pay, ctx.workflow_id, cents)
    return "refused: nobody answered"
