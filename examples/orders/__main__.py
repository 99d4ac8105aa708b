"""Plays the example on a local stack: `python -m examples.orders`."""

from __future__ import annotations

import sys

from examples.orders.orders import Line, order
from examples.stage import Stage, run_example
from headrace import WorkflowFailed

LINES = [Line("book", 1, 2_000), Line("pen", 3, 150), Line("ink", 1, 600)]


def play(stage: Stage) -> None:
    """Send one order, and fail to send another."""
    good = stage.client.start(order, {"lines": LINES}, id=f"order-{stage.fresh}")
    stage.say(f"{good.id}: {good.result(timeout=60)}")
    bad = stage.client.start(order, {"lines": [*LINES, Line("unicorn", 1, 1)]}, id=f"odd-order-{stage.fresh}")
    try:
        bad.result(timeout=60)
    except WorkflowFailed as failed:
        stage.say(f"{bad.id}: {failed}")
    undone = [row["task"] for row in stage.client.tasks(bad.id, after=bad.position) if row["task"] == "refund"]
    stage.say(f"undone: {', '.join(undone)}")


if __name__ == "__main__":
    sys.exit(run_example("orders", "examples.orders.orders", play))
