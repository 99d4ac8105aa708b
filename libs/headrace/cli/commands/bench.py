"""`headrace bench`: the benchmarks, which live beside the code in a checkout."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from headrace.cli.failures import BAD_INPUT, Failure


# The benchmarks have their own options, --help included.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def bench(rest: tuple[str, ...]) -> None:
    """Run the benchmarks (--workload, --count): one JSON line per workload. Needs a checkout."""
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / "benchmarks" / "__main__.py").is_file():
        sys.path.insert(0, str(checkout))
    try:
        run = importlib.import_module("benchmarks.__main__").main
    except ModuleNotFoundError as error:
        if error.name not in ("benchmarks", "benchmarks.__main__"):
            raise
        raise Failure(
            "Expected the benchmarks beside the code, but there are none; run this in a checkout", BAD_INPUT
        ) from error
    run(list(rest))
