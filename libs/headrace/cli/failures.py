"""From an error to a text on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import click

DONE = 0
FAILED = 1
BAD_INPUT = 2
NOT_REACHABLE = 3
INTERRUPTED = 130
DEBUG = "HEADRACE_DEBUG"
# By name, so that telling errors apart imports nothing. The classes of an error are looked through from itself to its
# bases.
_CODES = {
    "headrace.client.errors.InvalidStart": BAD_INPUT,
    "headrace.client.errors.ReadRefused": BAD_INPUT,
    "headrace.client.errors.NotReachable": NOT_REACHABLE,
    "headrace.client.errors.ClientError": FAILED,
    "headrace.contracts.schema_registry.RegistryError": NOT_REACHABLE,
    "headrace.engine.graph.problems.InvalidDefinition": BAD_INPUT,
    "headrace.local.errors.LocalStackError": FAILED,
    "headrace.runtime.settings.InvalidSettings": BAD_INPUT,
    "headrace.runtime.telemetry.TelemetryError": BAD_INPUT,
}


class Failure(Exception):
    """Ends a command with a text and an exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def report(error: BaseException) -> int:
    """Print what went wrong, and return the exit code that it stands for."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    code = error.code if isinstance(error, Failure) else code_of(error)
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if code is None:
        hint = "" if os.environ.get(DEBUG) else f"; set {DEBUG}=1 to see where"
        print(f"Error: unexpected {type(error).__name__}: {error}{hint}", file=sys.stderr)
        return FAILED
    if str(error):
        print(f"Error: {error}", file=sys.stderr)
    return code


def code_of(error: BaseException) -> int | None:
    for cls in type(error).__mro__:
        code = _CODES.get(f"{cls.__module__}.{cls.__name__}")
        if code is not None:
            return code
    return None
