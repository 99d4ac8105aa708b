"""Commands for one workflow, or for all that `--where` finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.cli.failures import FAILED, Failure
from headrace.cli.output import print_json

if TYPE_CHECKING:
    from headrace.client.client import Client

# One command line that reaches more than this is more likely a mistake in the expression than a wish.
MAX_AT_ONCE = 1_000
# Each waits for its answer, which takes as long as the read model is behind: so they wait side by side.
SIDE_BY_SIDE = 16
OPEN = "RUNNING,PAUSED,STUCK"

F = TypeVar("F", bound=Callable[..., Any])
Act = Callable[["Client", str], dict[str, Any]]
"""Sends the command to a workflow and returns what JSON says of it, `id` and `position` among it."""
Told = Callable[[dict[str, Any]], str]
"""From what JSON says to a line for people."""


def where_options(command: F) -> F:
    """Give a command `--where` and `--yes`."""
    command = click.option("--yes", is_flag=True, help="Do not ask before many are changed.")(command)
    return click.option("--where", default=None, metavar="EXPR", help="All open workflows that an expression finds.")(
        command
    )


def one_or_all(
    verb: str, workflow_id: str | None, where: str | None, act: Act, told: Told, *, yes: bool, as_json: bool,
    statuses: str = OPEN,
) -> None:  # fmt: skip
    """Do something to one workflow, or to all of some statuses that an expression finds, and print what was done.

    Raises:
        click.UsageError: there are an id and an expression, or neither; or too many are found.
        CommandRefused: it was refused for the one workflow.
        Failure: it was refused for some of many; for the others it was done.
    """
    from headrace.client.client import Client

    if (workflow_id is None) == (where is None):
        found = "neither" if where is None else "both"
        raise click.UsageError(f"Expected either an ID or --where, but found {found}")
    with Client() as client:
        if workflow_id is not None:
            done = act(client, workflow_id)
            if as_json:
                print_json(done)
            else:
                click.echo(told(done))
            return
        ids = _found(client, where or "", statuses)
        if ids and not yes and not as_json and sys.stdin.isatty():
            click.confirm(f"{verb} {_count(len(ids))}?", abort=True, err=True)
        rows = _all(client, ids, act)
    if as_json:
        print_json(rows)
    _report(rows, told, quiet=as_json)


def _all(client: Client, ids: list[str], act: Act) -> list[dict[str, Any]]:
    """Do it to all, and return a row for each; one that was refused has `refused`, `error` and `cause`."""
    from headrace.client.errors import CommandRefused

    def one(workflow_id: str) -> dict[str, Any]:
        try:
            return act(client, workflow_id)
        except CommandRefused as error:
            return {"id": workflow_id, "refused": True, "error": error.error, "cause": error.cause}

    # The first one alone, since it opens the connection to Kafka.
    first = [one(workflow_id) for workflow_id in ids[:1]]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return first + list(pool.map(one, ids[1:]))


def _report(rows: list[dict[str, Any]], told: Told, *, quiet: bool) -> None:
    refused = [row for row in rows if row.get("refused")]
    if not quiet:
        for row in rows:
            if not row.get("refused"):
                click.echo(told(row))
        click.echo(f"{_count(len(rows))} found" if not rows else f"{_count(len(rows) - len(refused))} done")
    if refused:
        texts = "".join(f"\n  {row['id']}: {row['error']}: {row['cause']}" for row in refused)
        raise Failure(
            f"Expected all {_count(len(rows))} to take it, but {len(refused)} refused it, and were not changed:{texts}",
            FAILED,
        )


def _found(client: Client, where: str, statuses: str) -> list[str]:
    rows = client.list(limit=MAX_AT_ONCE + 1, status=statuses, where=where)
    if len(rows) > MAX_AT_ONCE:
        raise click.UsageError(
            f"Expected --where to find at most {MAX_AT_ONCE} workflows, but it finds more; narrow it down"
        )
    return [row["id"] for row in rows]


def _count(number: int) -> str:
    return f"{number} workflow{'' if number == 1 else 's'}"
