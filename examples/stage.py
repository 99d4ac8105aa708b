"""A local stack for an example: started, played on, stopped. `python -m examples.NAME` calls it."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headrace import Client
from headrace.client.errors import ClientError
from headrace.local.dev_child import running_dev
from headrace.local.errors import LocalStackError

CHECKOUT = Path(__file__).resolve().parents[1]


class Stage:
    """What an example plays with: a client, and a word that makes its ids fresh."""

    def __init__(self, client: Client, api: str, fresh: str) -> None:
        self.client = client
        self.api = api
        self.fresh = fresh

    def say(self, line: str) -> None:
        """Tell what happens."""
        print(line, flush=True)


def run_example(name: str, app: str, play: Callable[[Stage], None]) -> int:
    """Start a stack with an app, play, stop it; return the exit code. `play` raises where something goes wrong."""
    os.chdir(CHECKOUT)  # The app is named as seen from here.
    signal.signal(signal.SIGTERM, _terminated)
    state = CHECKOUT / ".headrace" / "examples" / name
    print(f"starting Kafka, Postgres and the services; their logs are in {state / 'logs'}", flush=True)
    try:
        with (
            running_dev(state, apps=(app,), workers=1, fresh=True, say=lambda line: print(f"  {line}")) as stack,
            Client(stack.settings()) as client,
        ):
            print(f"ready: {stack.api}", flush=True)
            play(Stage(client, stack.api, secrets.token_hex(2)))
    except KeyboardInterrupt:
        return 130
    except (LocalStackError, ClientError) as error:
        print(error, file=sys.stderr)
        return 3
    return 0


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
