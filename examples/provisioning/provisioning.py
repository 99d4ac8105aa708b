"""Provisions a server: network, disk, machine. What fails half-way is taken down again, in reverse."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from headrace import NonRetryable, Retry, WorkflowContext, current, task, workflow

CLOUD = Path(os.environ.get("PROVISIONING_CLOUD", tempfile.gettempdir())) / "cloud"
"""The outside world of this example: one file for each thing that exists."""


@task(queue="cloud", retry=Retry(schedule=["1s", "5s"]))
def create(kind: str, name: str, on: str = "") -> str:
    """Make a thing, and return its id. It is made once, however often this is called for the same name."""
    CLOUD.mkdir(parents=True, exist_ok=True)
    (CLOUD / f"{kind}-{name}").write_text(on)
    current().log.info("made %s %s", kind, name)
    return f"{kind}-{name}"


@task(queue="cloud", retry=Retry(schedule=["1s", "5s", "1m"]))
def destroy(thing: str) -> None:
    """Take a thing down. What is not there is down."""
    (CLOUD / thing).unlink(missing_ok=True)
    current().log.info("took %s down", thing)


@task(queue="cloud", timeout="10m")
def wait_until_up(server: str) -> str:
    """Return the address of a server once it answers. One whose name says so never does."""
    if "broken" in server:
        raise NonRetryable(f"{server} does not boot")
    return f"10.0.0.{len(server)}"


@workflow
async def provision(ctx: WorkflowContext, name: str) -> dict[str, str]:
    """Make a network, a disk and a server."""
    network = await ctx.run(create, "network", name)
    ctx.compensate(destroy, network)
    disk = await ctx.run(create, "disk", name)
    ctx.compensate(destroy, disk)
    server = await ctx.run(create, "server", name, f"{network} {disk}")
    ctx.compensate(destroy, server)
    ctx.publish("made", [network, disk, server])
    address = await ctx.run(wait_until_up, server)
    return {"server": server, "address": address}
