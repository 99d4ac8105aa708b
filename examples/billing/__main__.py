"""Plays the example on a local stack: `python -m examples.billing`."""

from __future__ import annotations

import sys
import time

from examples.billing.billing import monthly_billing
from examples.stage import Stage, run_example


def play(stage: Stage) -> None:
    """Set the schedule, and let it bill now rather than on the first of the month."""
    client = stage.client
    client.set_schedule("billing", monthly_billing, cron="0 3 1 * *", timezone="Europe/Berlin", wait=True)
    position = client.trigger_schedule("billing", wait=True)
    found = client.schedule("billing", after=position)
    stage.say(f"next times: {', '.join(found['next_times'][:3])}")
    run = client.schedule_runs("billing", after=position)[0]["workflow_id"]
    stage.say(f"started by hand: {run}; headrace get {run} shows how far it is")
    shown = None
    while (answer := client.get(run))["status"] == "RUNNING":
        progress = answer["published"].get("progress", {}).get("data")
        if progress != shown:
            stage.say(f"  {progress}")
            shown = progress
        time.sleep(0.2)
    stage.say(str(client.handle(run).result(timeout=60)["report"]))


if __name__ == "__main__":
    sys.exit(run_example("billing", "examples.billing.billing", play))
