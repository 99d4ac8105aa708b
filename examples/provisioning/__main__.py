"""Plays the example on a local stack: `python -m examples.provisioning`."""

from __future__ import annotations

import sys

from examples.provisioning.provisioning import provision
from examples.stage import Stage, run_example
from headrace import WorkflowFailed


def play(stage: Stage) -> None:
    """Make one server that boots, and one that does not."""
    blog = stage.client.start(provision, "blog", id=f"blog-{stage.fresh}")
    stage.say(f"{blog.id}: {blog.result(timeout=60)}")
    broken = stage.client.start(provision, "broken", id=f"broken-{stage.fresh}")
    try:
        broken.result(timeout=60)
    except WorkflowFailed as failed:
        stage.say(f"{broken.id}: {failed}")
    down = [row for row in stage.client.tasks(broken.id, after=broken.position) if row["task"] == "destroy"]
    stage.say(f"taken down, in this order: {', '.join(str(row['input']) for row in down)}")


if __name__ == "__main__":
    sys.exit(run_example("provisioning", "examples.provisioning.provisioning", play))
