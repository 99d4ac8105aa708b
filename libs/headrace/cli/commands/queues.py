"""`headrace queues`: what waits where, limits, and canaries."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.failures import NOT_REACHABLE, Failure
from headrace.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from headrace.client.client import Client

_COLUMNS = ("name", "waiting", "held", "running", "unserved", "limits", "full_since", "canaries", "workers", "slots")
# How long to look whether the dispatcher has taken a canary in, and the pause between two looks.
_LOOK_S, _PAUSE_S = 15.0, 0.2


class Share(click.ParamType[float]):
    """A share in percent, such as `10%`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it as a fraction."""
        if isinstance(value, float):
            return value
        try:
            percent = float(value.removesuffix("%")) if value.endswith("%") else 0.0
        except ValueError:
            percent = 0.0
        if not 0 < percent <= 100:
            self.fail(f"Expected a share above 0% and at most 100%, such as 10%, but found {value!r}", param, ctx)
        return percent / 100


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def queues(context: click.Context, *, as_json: bool) -> None:
    """Show queues: what waits, runs and is held back, limits, since when a queue is full, canaries."""
    if context.invoked_subcommand is not None:
        return
    from headrace.client.client import Client

    with Client() as client:
        rows = client.queues()
    if as_json:
        print_json(rows)
    else:
        print_table([{**row, "limits": _limits(row), "canaries": _canaries(row)} for row in rows], _COLUMNS)


@queues.command()
@click.argument("queue", metavar="QUEUE")
@click.argument("task", metavar="TASK")
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--share", type=Share(), default=None, metavar="PERCENT", help="Share of the tasks, such as 10%.")
@click.option("--off", is_flag=True, help="Take the canary back.")
@json_option
def canary(queue: str, task: str, version: str | None, share: float | None, *, off: bool, as_json: bool) -> None:
    """Give a share of QUEUE's tasks named TASK to workers with VERSION, or take it back with --off."""
    from headrace.client.client import Client

    if off == (version is not None or share is not None) or (not off and (version is None or share is None)):
        raise click.UsageError("Expected VERSION and --share, or --off, for example: 1.4 --share 10%")
    wanted = 0.0 if off or share is None else share
    with Client() as client:
        position = client.set_canary(queue, task, version or "", share=wanted, issued_by=getpass.getuser())
        _look(client, queue, task, version or "", wanted)
    if as_json:
        print_json({"queue": queue, "task": task, "version": version, "share": wanted, "position": position})
    elif off:
        click.echo(f"The canary of {task} on queue {queue} is taken back")
    else:
        click.echo(f"{_percent(wanted)} of {task} on queue {queue} go to version {version}")


def _look(client: Client, queue: str, task: str, version: str, share: float) -> None:
    """Look until the dispatcher has decided as it was told.

    Raises:
        Failure: nothing is seen of it in time.
    """
    deadline = time.monotonic() + _LOOK_S
    while True:
        rows = [row for row in client.queues() if row["name"] == queue]
        found = {each["task"]: (each["version"], each["share"]) for row in rows for each in row["canaries"]}
        if found.get(task) == ((version, share) if share else None):
            return
        if time.monotonic() >= deadline:
            raise Failure(
                f"Expected the dispatcher of queue {queue} to decide within {_LOOK_S:g} s, but nothing is seen of it; "
                "the command is in the log: look again with headrace queues, and into the dead letters",
                NOT_REACHABLE,
            )
        time.sleep(_PAUSE_S)


def _limits(row: dict[str, Any]) -> str:
    found = []
    if row["backlog"]:
        found.append(f"backlog={row['backlog']} when_full={row['when_full']}")
    if row["at_once"]:
        found.append(f"at_once={row['at_once']}")
    if row["per_period"]:
        found.append(f"rate={row['per_period']}/{row['period_ms']}ms")
    return " ".join(found)


def _canaries(row: dict[str, Any]) -> str:
    return ", ".join(f"{_percent(each['share'])} of {each['task']} to {each['version']}" for each in row["canaries"])


def _percent(share: float) -> str:
    return f"{share * 100:g}%"
