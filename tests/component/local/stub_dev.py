"""Runs `headrace dev` with stubs for services: `python -m tests.component.local.stub_dev STATE [FLAG=VALUE ...]`.

A stub says that it is ready and waits. What the command line would do with errors is done here in short.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.local.dev import run_dev
from headrace.local.dev_options import DevOptions
from headrace.local.errors import LocalStackError

SERVICE = """
import os, pathlib, socket, sys, time
if sys.argv[1] == "status":
    listener = socket.create_server(("127.0.0.1", int(os.environ["HEADRACE_API"].rpartition(":")[2])))
print("settings", sorted(name for name in os.environ if name.startswith("HEADRACE_")), flush=True)
pathlib.Path(os.environ["HEADRACE_READY_FILE"]).touch()
time.sleep(600)
"""
# Appends a line to the file of deployments; refuses an app that says "broken".
DEPLOY = """
import pathlib, sys
for app in sys.argv[2:]:
    if "broken" in pathlib.Path(app).read_text():
        sys.exit("the app is broken")
with open(sys.argv[1], "a") as file:
    file.write("deployed\\n")
"""


def _service(service: str, name: str, apps: Sequence[str], slots: int | None) -> Sequence[str]:
    return [sys.executable, "-c", SERVICE, service, name]


def _flags(arguments: Sequence[str]) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        flags[name] = {"true": True}.get(value, (value,) if name == "apps" else value)
        if value.isdigit():
            flags[name] = int(value)
    return flags


def main() -> None:
    state = Path(sys.argv[1])
    options = DevOptions(
        state=state,
        service_command=_service,
        deploy_command=lambda apps: [sys.executable, "-c", DEPLOY, str(state / "deployments"), *apps],
        make_topics=lambda kafka, namespace: None,
        **_flags(sys.argv[2:]),
    )
    try:
        run_dev(options)
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
