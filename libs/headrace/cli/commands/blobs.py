"""`headrace blobs`: what lies outside of the log because it is too large."""

from __future__ import annotations

import time

import click

from headrace.cli.failures import FAILED, NOT_REACHABLE, Failure
from headrace.cli.output import json_option, print_json


@click.group()
def blobs() -> None:
    """Look after payloads that are too large for the log (HEADRACE_BLOBS)."""


@blobs.command()
@click.option("--older-than", required=True, metavar="DURATION", help="Last stored before that: 30d, 12h.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@json_option
def clean(*, older_than: str, dry_run: bool, as_json: bool) -> None:
    """Remove blobs by age. Take one that is longer than workflows run and their results are asked for."""
    from headrace.engine.graph.durations import parse_duration
    from headrace.payloads.blobs import BlobUnavailable
    from headrace.runtime.payloads import blobs_for
    from headrace.runtime.settings import Settings

    try:
        age_s = parse_duration(older_than) / 1_000
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--older-than") from error
    store = blobs_for(Settings.load())
    if store is None:
        raise Failure("Expected a store to clean up, but HEADRACE_BLOBS is off", FAILED)
    try:
        found = store.clean(time.time() - age_s, dry_run=dry_run)
    except BlobUnavailable as error:
        raise Failure(str(error), NOT_REACHABLE) from error
    if as_json:
        print_json({"blobs": found.blobs, "bytes": found.bytes, "removed": not dry_run})
    else:
        click.echo(f"{'would remove' if dry_run else 'removed'} {found.blobs} blobs of {found.bytes} bytes")
