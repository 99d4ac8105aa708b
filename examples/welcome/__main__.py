"""Plays the example on a local stack: `python -m examples.welcome`. Its weeks are seconds."""

from __future__ import annotations

import sys

from examples.stage import Stage, run_example
from examples.welcome.welcome import FIRST_WEEKS, welcome

HASTE = [{"name": mail.name, "after": f"{at}s"} for at, mail in enumerate(FIRST_WEEKS)]


def play(stage: Stage) -> None:
    """One user does nothing, one buys."""
    idle = stage.client.start(welcome, {"user": "ada", "mails": HASTE}, id=f"ada-{stage.fresh}")
    busy = stage.client.start(welcome, {"user": "grace", "mails": HASTE}, id=f"grace-{stage.fresh}")
    busy.signal("reaction", "opened", wait=True)
    busy.signal("reaction", "bought", wait=True)
    stage.say(f"{busy.id}: {busy.result(timeout=60)}")
    stage.say(f"{idle.id}: {idle.result(timeout=60)}")


if __name__ == "__main__":
    sys.exit(run_example("welcome", "examples.welcome.welcome", play))
