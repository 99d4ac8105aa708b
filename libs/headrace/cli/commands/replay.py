"""`headrace replay`: recorded histories against the code of today."""

from __future__ import annotations

from typing import Any

import click

from headrace.cli.failures import BAD_INPUT, FAILED, Failure
from headrace.cli.output import json_option, print_json


@click.command()
@click.argument("histories", nargs=-1, required=True, metavar="HISTORY...")
@click.option("--app", "apps", multiple=True, required=True, metavar="MODULE_OR_FILE", help="Where the workflows are.")
@json_option
def replay(histories: tuple[str, ...], *, apps: tuple[str, ...], as_json: bool) -> None:
    """Replay recorded histories with the workflows of files and modules, without running any task.

    A history is a file that `headrace history ID --json --whole` wrote. Exit 1 if any of them parts from the code.
    """
    from headrace.testing.histories import InvalidHistory
    from headrace.testing.replay import ReplayMismatch, name_in
    from headrace.testing.replay import replay as replay_one

    known = _workflows(apps)
    rows: list[dict[str, Any]] = []
    for history in histories:
        try:
            name = name_in(history)
            if name not in known:
                raise Failure(
                    f"Expected workflow {name} of {history} in {', '.join(apps)}, but found {sorted(known)}", BAD_INPUT
                )
            done = replay_one(history, known[name])
            row = {"agrees": True, "id": done.workflow_id, "name": name, "status": done.status, "steps": done.steps}
        except ReplayMismatch as error:
            row = {"agrees": False, "cause": str(error)}
        except (InvalidHistory, OSError) as error:
            raise Failure(str(error), BAD_INPUT) from error
        rows.append({"history": history, **row})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(_line(row))
    parted = [row["history"] for row in rows if not row["agrees"]]
    if parted:
        raise Failure(
            f"Expected code that does what was recorded, but {len(parted)} of {len(rows)} histories part from it; "
            "keep the steps as they were for these runs (ctx.version), or let them end on the version that they have",
            FAILED,
        )


def _workflows(apps: tuple[str, ...]) -> dict[str, Any]:
    from headrace.authoring.apps import load_apps

    found = load_apps(apps)
    graphs = {name: loaded.graph.to_document() for name, loaded in found.graphs.items()}
    return {**graphs, **found.workflows}


def _line(row: dict[str, Any]) -> str:
    if row["agrees"]:
        return f"agrees  {row['history']}: {row['id']} ({row['name']}), {row['steps']} steps, {row['status']}"
    return f"PARTS   {row['history']}: {row['cause']}"
