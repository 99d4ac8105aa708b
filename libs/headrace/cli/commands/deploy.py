"""`headrace validate` and `headrace deploy`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from headrace.cli.failures import BAD_INPUT, Failure
from headrace.cli.output import json_option, print_json

_NOTHING = (
    "Expected at least one @workflow, @task, @listener, trigger or resource in {file}, but found none; check that "
    "it is the file you meant"
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
def validate(files: tuple[str, ...], *, as_json: bool) -> None:
    """Check workflows in files and modules without publishing them. Problems are printed with file and line; exit 2."""
    from headrace.authoring.deploy import validate_files

    found = [{"name": definition.name, "version": definition.version} for definition in validate_files(files)]
    without = _without_workflow(files)
    _print(found, "valid", as_json=as_json)
    for file in without:
        click.echo(f"Warning: no workflow in {file}", err=True)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="MODULE_OR_FILE...")
@json_option
def deploy(files: tuple[str, ...], *, as_json: bool) -> None:
    """Publish the workflows of files (.py, .yaml) and modules. Nothing is published unless everything is valid."""
    from headrace.authoring.deploy import deploy_files, validate_files
    from headrace.runtime.settings import Settings

    validate_files(files)  # first, so that whatever is wrong is told before a file that holds nothing
    _without_workflow(files)
    found = deploy_files(Settings.load(), files)
    _print(found, "deployed", as_json=as_json)
    if not found:
        click.echo("No workflows in these files; tasks, listeners and triggers need no deployment.", err=True)


def _without_workflow(files: Sequence[str]) -> list[str]:
    """Return those of valid files and modules that hold no workflow. They are loaded already: that costs nothing.

    Raises:
        Failure: one holds nothing at all.
    """
    from headrace.authoring.apps import load_apps

    found = []
    for file in files:
        apps = load_apps([file])
        if apps.workflows or apps.graphs:
            continue
        if not (apps.tasks or apps.listeners or apps.triggers or apps.resources):
            raise Failure(_NOTHING.format(file=file), BAD_INPUT)
        found.append(file)
    return found


def _print(found: list[dict[str, str]], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for each in found:
        click.echo(f"{each['name']} {each['version']} {done}")
