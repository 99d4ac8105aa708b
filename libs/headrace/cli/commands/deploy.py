"""`headrace validate` and `headrace deploy`."""

from __future__ import annotations

import click

from headrace.cli.output import json_option, print_json


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
def validate(files: tuple[str, ...], *, as_json: bool) -> None:
    """Check workflows in files and modules without publishing them. Problems are printed with file and line; exit 2."""
    from headrace.authoring.deploy import validate_files

    found = [{"name": definition.name, "version": definition.version} for definition in validate_files(files)]
    _print(found, "valid", as_json=as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="MODULE_OR_FILE...")
@json_option
def deploy(files: tuple[str, ...], *, as_json: bool) -> None:
    """Publish the workflows of files (.py, .yaml) and modules. Nothing is published unless everything is valid."""
    from headrace.authoring.deploy import deploy_files
    from headrace.runtime.settings import Settings

    _print(deploy_files(Settings.load(), files), "deployed", as_json=as_json)


def _print(found: list[dict[str, str]], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for each in found:
        click.echo(f"{each['name']} {each['version']} {done}")
    if not found:
        click.echo("No workflows in these files; tasks, listeners and triggers need no deployment.", err=True)
