"""`headrace schedule`: workflows that are started by themselves."""

from __future__ import annotations

from typing import Any

import click

from headrace.cli.commands.start import read_json
from headrace.cli.output import json_option, print_fields, print_json, print_table

_LIST_COLUMNS = ("id", "name", "cron", "timezone", "every_ms", "overlap", "paused", "next_at", "last_fired_at")
_RUN_COLUMNS = ("scheduled_at", "workflow_id", "cause", "status", "started_at", "ended_at", "error")
_APART = frozenset({"last_runs", "next_times", "refusals", "lag_ms", "shard", "input_bytes"})
_OVERLAPS = click.Choice(["skip", "queue", "cancel", "allow"])


@click.group()
def schedule() -> None:
    """Schedules: workflows that are started by themselves, by cron fields or at an interval."""


@schedule.command("set")
@click.argument("schedule_id", metavar="ID")
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--cron", default="", metavar="FIELDS", help="Five cron fields, or @hourly, @daily, @weekly, @monthly.")
@click.option("--every", default="0s", metavar="DURATION", help="An interval instead, such as 15m.")
@click.option("--offset", default="0s", metavar="DURATION", help="How far into each interval.")
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE", help="Zone of the cron fields.")
@click.option("--jitter", default="0s", metavar="DURATION", help="Each start is late by a part of this.")
@click.option("--overlap", type=_OVERLAPS, default="skip", show_default=True, help="While one still runs.")
@click.option("--catch-up", default="7d", show_default=True, metavar="DURATION", help="How late one may start.")
@click.option("--input", "input_text", default=None, metavar="JSON|@FILE|-", help="Input as JSON; {} unless given.")
@click.option("--key", default="", help="Its runs see each other's last result.")
@click.option("--paused", is_flag=True, help="A new schedule begins paused.")
@json_option
def set_(schedule_id: str, workflow: str, input_text: str | None, *, as_json: bool, **options: Any) -> None:
    """Make the schedule ID, which starts WORKFLOW (or WORKFLOW@VERSION), or change it."""
    from headrace.client.client import Client

    value = {} if input_text is None else read_json(input_text, "--input")
    with Client() as client:
        position = client.set_schedule(schedule_id, workflow, input=value, wait=True, **options)
        found = client.schedule(schedule_id, after=position)
    if as_json:
        print_json({**found, "position": position})
    else:
        next_at = "it is paused" if found["paused"] else f"next at {found['next_at']}"
        click.echo(f"{schedule_id} is set; {next_at} (position {position})")


@schedule.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@json_option
def list_(limit: int, *, as_json: bool) -> None:
    """List schedules."""
    from headrace.client.client import Client

    with Client() as client:
        rows = client.schedules(limit=limit)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, _LIST_COLUMNS)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@json_option
def get(schedule_id: str, *, as_json: bool) -> None:
    """Show a schedule with its next times and last runs."""
    from headrace.client.client import Client

    with Client() as client:
        found = client.schedule(schedule_id)
    if as_json:
        print_json(found)
        return
    print_fields({name: value for name, value in found.items() if name not in _APART})
    for time in found["next_times"]:
        click.echo(f"next: {time}")
    if found["last_runs"]:
        print_table(found["last_runs"], _RUN_COLUMNS)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@json_option
def runs(schedule_id: str, limit: int, *, as_json: bool) -> None:
    """List what a schedule has started or means to start, the latest time first."""
    from headrace.client.client import Client

    with Client() as client:
        rows = client.schedule_runs(schedule_id, limit=limit)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, _RUN_COLUMNS)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def pause(schedule_id: str, reason: str, *, as_json: bool) -> None:
    """Let a schedule start nothing by itself; what it has started goes on."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.pause_schedule(schedule_id, reason, wait=True)
    _tell(schedule_id, "paused", position, as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def resume(schedule_id: str, reason: str, *, as_json: bool) -> None:
    """Let a paused schedule go on with its next time; what it missed is not made up for (see backfill)."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.resume_schedule(schedule_id, reason, wait=True)
    _tell(schedule_id, "resumed", position, as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option(
    "--overlap", type=_OVERLAPS, default=None, help="While one still runs; the schedule's own rule if absent."
)
@json_option
def trigger(schedule_id: str, overlap: str | None, *, as_json: bool) -> None:
    """Start a schedule's workflow now, paused or not."""
    from headrace.client.client import Client
    from headrace.client.sending import new_id

    command_id = new_id()
    with Client() as client:
        position = client.trigger_schedule(schedule_id, overlap=overlap or "", command_id=command_id, wait=True)
        rows = client.schedule_runs(schedule_id, after=position)
    # A start that waited may have been given up for a newer one within a moment; its row says so.
    mine = [row for row in rows if row["command_id"] == command_id]
    workflow_id = mine[0]["workflow_id"] if mine else None
    if as_json:
        print_json({"id": schedule_id, "done": "triggered", "workflow_id": workflow_id, "position": position})
    else:
        click.echo(f"{workflow_id} {mine[0]['status'].lower() if mine else 'asked for'} (position {position})")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option(
    "--from", "start", required=True, metavar="TIME", help="Begin of the range, ISO 8601; UTC without a zone."
)
@click.option("--to", "end", default=None, metavar="TIME", help="End of the range, not in it; now unless given.")
@click.option(
    "--overlap",
    type=click.Choice(["queue", "allow"]),
    default="queue",
    show_default=True,
    help="One after the other, or all at once.",
)
@json_option
def backfill(schedule_id: str, start: str, end: str | None, overlap: str, *, as_json: bool) -> None:
    """Start what a schedule would have started in a range of the past."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.backfill_schedule(schedule_id, start, end, overlap=overlap, wait=True)
    _tell(schedule_id, "backfilling", position, as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@json_option
def delete(schedule_id: str, *, as_json: bool) -> None:
    """Delete a schedule; what it has started goes on."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.delete_schedule(schedule_id, wait=True)
    _tell(schedule_id, "deleted", position, as_json=as_json)


def _tell(schedule_id: str, done: str, position: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": schedule_id, "done": done, "position": position})
    else:
        click.echo(f"{schedule_id} {done} (position {position})")
