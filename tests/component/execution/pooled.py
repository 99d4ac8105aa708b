# ruff: noqa: T201  what tasks print is tested
"""Tasks that run in processes of a pool, and a middleware that comes along."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace import current, middleware, task
from headrace.authoring.middleware import TaskCall


@task(pool="cpu")
def where(text: str = "") -> dict[str, Any]:
    print(f"printed {text}")
    current().log.warning("logged")
    current().heartbeat({"at": 3})
    return {"pid": os.getpid(), "key": current().idempotency_key, "details": current().details}


@task(pool="cpu")
def crash(how: str) -> None:
    match how:
        case "exit":
            os._exit(7)
        case "segfault":
            ctypes.string_at(0)
        case "raise":
            raise ValueError("no such package")
        case "sys.exit":
            sys.exit(3)


@task(pool="cpu")
def wait_for(file: str) -> str:
    Path(f"{file}-{os.getpid()}").touch()
    while not Path(file).exists():
        time.sleep(0.005)
    return file


@task(pool="cpu")
def stop_when_told(file: str) -> None:
    current().on_cancel(Path(f"{file}-called").touch)
    Path(file).touch()
    while not current().cancelled:
        time.sleep(0.005)
    Path(f"{file}-seen").touch()


@task(pool="cpu")
def needs_secret(secret: str) -> str:
    return secret


@middleware
def secrets(call: TaskCall) -> Iterator[None]:
    if call.task == "needs_secret":
        call.kwargs["secret"] = f"of {call.context.run_id}"
    yield


@task(pool="cpu")
def account_and_shout(rows: int) -> None:
    current().record_io(rows=rows, dataset="stdlib")
    for number in range(1_000):
        print(f"line {number}")
