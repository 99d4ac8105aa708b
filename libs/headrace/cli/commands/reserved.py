"""Commands whose names are taken for what comes: they say so, and do nothing."""

from __future__ import annotations

from typing import NoReturn

import click

from headrace.cli.failures import BAD_INPUT, Failure

_SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}


def _refuse(name: str, instead: str) -> NoReturn:
    raise Failure(
        f"Expected a command of this version, but `headrace {name}` is reserved and does nothing yet; {instead}",
        BAD_INPUT,
    )


@click.command(context_settings=_SETTINGS)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, expose_value=False)
def signal() -> None:
    """Reserved: send a signal to a workflow."""
    _refuse("signal", "give the workflow what it needs as input, or start a child for each message")


@click.command(context_settings=_SETTINGS)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, expose_value=False)
def pause() -> None:
    """Reserved: pause a workflow."""
    _refuse("pause", "`headrace cancel ID` ends a workflow")


@click.command(context_settings=_SETTINGS)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, expose_value=False)
def resume() -> None:
    """Reserved: resume a workflow."""
    _refuse("resume", "`headrace start NAME --id ID --if-exists rerun` runs an ended workflow again")


@click.command(context_settings=_SETTINGS)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, expose_value=False)
def retry() -> None:
    """Reserved: run a failed workflow again from a task."""
    _refuse("retry", "`headrace start NAME --id ID --if-exists rerun` runs an ended workflow again from its start")


@click.command(context_settings=_SETTINGS)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, expose_value=False)
def task() -> None:
    """Reserved: complete, fail or heartbeat a task from outside."""
    _refuse("task", "a task's own function ends it")
