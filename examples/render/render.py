"""Renders a film: frames on a farm outside, a checksum in a process of its own, a listing by a command."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace import PENDING, async_task, current, middleware, task, workflow
from headrace.tasks import subprocess_task

FARM = Path(os.environ.get("RENDER_FARM", tempfile.gettempdir())) / "render-farm"
FRAME_S = 0.05
seconds: Counter[str] = Counter()


@middleware
def measured(call: Any) -> Iterator[None]:
    """Sum up how long each task takes: here for a gauge, elsewhere for a metrics library."""
    started = time.monotonic()
    try:
        yield
    finally:
        seconds[call.task] += time.monotonic() - started


@middleware
def credentials(call: Any) -> Iterator[None]:
    """Give a task what must not stand in a workflow's input."""
    if call.task == "render":
        call.kwargs["token"] = os.environ.get("RENDER_TOKEN", "")
    yield


@async_task(name="render", queue="render", poll_every="200ms", timeout="1h")
class Render:
    """Frames, rendered on the farm. The farm goes on whatever becomes of the worker that asked for it."""

    def submit(self, key: str, film: str, frames: int, token: str = "") -> dict[str, Any]:
        """Put an order into the farm's folder. The key makes it the same order for whoever submits it again."""
        FARM.mkdir(parents=True, exist_ok=True)
        order = FARM / key.replace("/", "-")
        if not order.exists():
            order.write_text(f"{film} for {'a member' if token else 'a guest'}")
        return {"order": str(order), "frames": frames}

    def poll(self, handle: dict[str, Any]) -> Any:
        """Ask for what is done."""
        done = int((time.time() - Path(handle["order"]).stat().st_mtime) / FRAME_S)
        if done < handle["frames"]:
            current().heartbeat({"done": done})
            return PENDING
        return {"order": handle["order"], "frames": handle["frames"]}

    def cancel(self, handle: dict[str, Any]) -> None:
        """Take the order back."""
        Path(handle["order"]).unlink(missing_ok=True)


@task(queue="render", pool="cpu")
def checksum(text: str, rounds: int = 200_000) -> int:
    """Compute for a while: in a process, so that the worker's other tasks are not held up."""
    value = 0
    for number in range(rounds):
        value = (value * 31 + ord(text[number % len(text)])) % 1_000_003
    return value


@workflow
async def film(ctx: Any, title: str, frames: int = 10) -> dict[str, Any]:
    """Render, check, list."""
    rendered = await ctx.run(Render, film=title, frames=frames)
    check = await ctx.run(checksum, title)
    listing = await ctx.run(subprocess_task, command=["cat", rendered["order"]])
    return {"frames": rendered["frames"], "checksum": check, "order": listing["stdout"]}
