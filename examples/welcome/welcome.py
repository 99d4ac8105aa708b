"""Mails for a user's first weeks: one after the other, sooner or not at all, by what the user does."""

from __future__ import annotations

from dataclasses import dataclass

from headrace import ReceiveTimedOut, Retry, WorkflowContext, current, task, workflow


@dataclass(frozen=True)
class Mail:
    """A mail, and how long after the one before it is sent."""

    name: str
    after: str


FIRST_WEEKS = [
    Mail("welcome", "0s"),
    Mail("first-steps", "2d"),
    Mail("tips", "5d"),
    Mail("success-stories", "7d"),
    Mail("offer", "14d"),
]


@task(queue="mail", retry=Retry(schedule=["1m", "10m", "1h"]))
def send_mail(user: str, mail: str) -> str:
    """Send a mail."""
    current().log.info("mail %s to %s", mail, user)
    return mail


@workflow
async def welcome(ctx: WorkflowContext, user: str, mails: list[Mail] | None = None) -> dict[str, object]:
    """Send the mails of the first weeks. Signals: `reaction` with what the user has done."""
    sent: list[str] = []
    done: list[str] = []
    for mail in FIRST_WEEKS if mails is None else mails:
        due = ctx.now.timestamp() + seconds(mail.after)
        while (left := due - ctx.now.timestamp()) > 0:
            try:
                reaction = await ctx.receive("reaction", timeout=left)
            except ReceiveTimedOut:
                break
            done.append(reaction)
            if reaction == "unsubscribed":
                return {"sent": sent, "done": done}
            if reaction == "bought":
                sent.append(await ctx.run(send_mail, user, "thank-you"))
                return {"sent": sent, "done": done}
            if reaction == "asked for more":
                break
        sent.append(await ctx.run(send_mail, user, mail.name))
        ctx.publish("sent", sent)
    return {"sent": sent, "done": done}


def seconds(duration: str) -> float:
    """Return a duration such as `2d` in seconds."""
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[duration[-1]]


@workflow
async def digest(ctx: WorkflowContext, user: str) -> int:
    """Send a digest every week for as long as the user does not unsubscribe: years, in a record that stays small."""
    weeks = ctx.loop({"sent": 0})
    async for week in weeks:
        try:
            await ctx.receive("unsubscribe", timeout="7d")
        except ReceiveTimedOut:
            await ctx.run(send_mail, user, f"digest-{week['sent'] + 1}")
            week["sent"] += 1
            continue
        break
    return int(weeks.state["sent"])
