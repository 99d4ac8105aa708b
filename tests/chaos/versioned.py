"""Runs `python -m headrace` as another release would: HEADRACE_CHAOS_CODE_VERSION is added to its code versions.

Only for tests: it stands for a newer (or, beside one, an older) release of the same services.
"""

from __future__ import annotations

import os

from headrace.cli.main import main
from headrace.engine.decider import DecisionDecider
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_resources.decider import ResourceDecider

VARIABLE = "HEADRACE_CHAOS_CODE_VERSION"

if __name__ == "__main__":
    more = int(os.environ.get(VARIABLE, "0"))
    for decider in (DecisionDecider, DispatcherDecider, ResourceDecider):
        decider.code_version += more
    main()
