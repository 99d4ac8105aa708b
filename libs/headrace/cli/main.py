"""`headrace`: one command of a table, its errors as one text on stderr, and the exit code that they stand for."""

from __future__ import annotations

import copy
import functools
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from headrace.cli.failures import NOT_REACHABLE, Failure, code_of, report
from headrace.runtime.dev_json import default_stack_hint, missing_stack

# Each command's module is imported when it is asked for: `headrace get` must not wait for what `headrace dev` needs.
_COMMANDS = {
    "dev": "dev:dev",
    "service": "service:service",
    "validate": "deploy:validate",
    "deploy": "deploy:deploy",
    "start": "start:start",
    "get": "read:get",
    "list": "read:list_workflows",
    "history": "read:history",
    "replay": "replay:replay",
    "logs": "logs:logs",
    "cancel": "control:cancel",
    "terminate": "control:terminate",
    "signal": "steer:signal",
    "pause": "steer:pause",
    "resume": "steer:resume",
    "migrate": "steer:migrate",
    "retry": "steer:retry",
    "task": "task:task",
    "schedule": "schedule:schedule",
    "queues": "queues:queues",
    "blobs": "blobs:blobs",
    "bench": "bench:bench",
}
# They talk to a headrace that runs already.
_NEED_A_STACK = {
    *("deploy", "start", "get", "list", "history", "logs"),
    *("cancel", "terminate", "signal", "pause", "resume", "migrate", "retry", "task", "schedule", "queues"),
}


class Commands(click.Group):
    """The table above as a click group."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Return a command by its name."""
        place = _COMMANDS.get(name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"headrace.cli.commands.{module}"), attribute)
        return _needing_a_stack(command) if name in _NEED_A_STACK else command


def _needing_a_stack(command: click.Command) -> click.Command:
    """Return the command, refused where the environment names the folder of a `headrace dev` that does not run; of a
    group, each of its commands.
    """
    if isinstance(command, click.Group):
        group = copy.copy(command)
        group.commands = {name: _needing_a_stack(each) for name, each in command.commands.items()}
        return group
    inner: Callable[..., Any] | None = command.callback
    assert inner is not None, f"{command.name} does nothing"

    @functools.wraps(inner)
    def checked(*arguments: Any, **options: Any) -> Any:
        problem = missing_stack()
        if problem:
            raise Failure(problem, NOT_REACHABLE)
        return inner(*arguments, **options)

    found = copy.copy(command)
    found.callback = checked
    return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """Durable workflows on Kafka.

    Exit codes: 0 done; 1 the workflow or the operation failed, or there is no such thing; 2 bad input or usage; 3 not
    reachable or timed out.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = cli.main(list(arguments), prog_name="headrace", standalone_mode=False)
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:  # noqa: BLE001 (the outermost frame: nobody gets a traceback)
        hint = default_stack_hint() if code_of(error) == NOT_REACHABLE and not isinstance(error, TimeoutError) else ""
        code = report(error)
        if hint:
            print(hint, file=sys.stderr)
        return code
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))
