"""`headrace dev`: the local stack and all services."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--state", type=click.Path(path_type=Path), default=None, help="Folder of the stack [default: .headrace]."
)
@click.option("--fresh", is_flag=True, help="Begin without the data of earlier runs.")
@click.option("--kafka-port", type=click.IntRange(1, 65535), default=None, help="Port of Kafka.")
@click.option("--api-port", type=click.IntRange(1, 65535), default=None, help="Port of the read API and the web page.")
@click.option(
    "--app", "apps", multiple=True, metavar="MODULE_OR_FILE", help="Deployed, and loaded in worker and listener."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of workers.")
@click.option("--slots", type=click.IntRange(1, 10_000), default=None, help="Tasks that each worker runs at once.")
@click.option("--watch", is_flag=True, help="Deploy again when a file of an app is saved.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready.")
def dev(
    *,
    state: Path | None,
    fresh: bool,
    kafka_port: int | None,
    api_port: int | None,
    apps: tuple[str, ...],
    workers: int,
    slots: int | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Run Kafka, Postgres and the services on this machine until Ctrl-C."""
    import os

    from headrace.local.dev import run_dev
    from headrace.local.dev_options import DevOptions

    run_dev(
        DevOptions(
            state=state or Path(os.environ.get("HEADRACE_STATE") or ".headrace"),
            fresh=fresh,
            kafka_port=kafka_port,
            api_port=api_port,
            apps=apps,
            workers=workers,
            slots=slots,
            watch=watch,
            json=as_json,
            namespace=os.environ.get("HEADRACE_NAMESPACE") or "headrace",
        )
    )
