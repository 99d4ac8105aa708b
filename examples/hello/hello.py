"""Greets people, in Python: a sequence, a fan-out, a child workflow, and an error that is dealt with."""

from __future__ import annotations

from typing import Any

from headrace import NonRetryable, Retry, TaskFailed, task, workflow


class NamelessError(NonRetryable):
    """Somebody has no name; trying again would not give them one."""


@task(queue="hello", retry=Retry(max_attempts=3, interval="100ms"), timeout="10s")
def greet(name: str) -> str:
    """Return a greeting."""
    if not name:
        raise NamelessError("Expected a name, but it is empty")
    return f"Hello, {name}!"


@task(queue="hello")
def sign(lines: list[str], sender: str) -> str:
    """Return a letter."""
    return "\n".join([*lines, f"Yours, {sender}"])


@workflow
async def welcome(ctx: Any, name: str) -> str:
    """Greet one person, whoever they are. Runs as a child of `hello`, and could be started alone."""
    try:
        greeting: str = await ctx.run(greet, name)
    except TaskFailed as error:
        # An error of a task is an ordinary exception here: what follows is the workflow's decision, and durable.
        return f"Hello, whoever you are! ({error.error})"
    return greeting


@workflow
async def hello(ctx: Any, names: list[str], guest: str = "the new one") -> dict[str, Any]:
    """Greet everybody at once, one more person by a child workflow, and sign the letter."""
    known = [name for name in names if name]
    greetings = await ctx.map(greet, known)
    last = await ctx.child(welcome, guest)
    letter = await ctx.run(sign, [*greetings, last], sender="headrace")
    return {"letter": letter, "greeted": len(known) + 1, "nameless": len(names) - len(known)}
