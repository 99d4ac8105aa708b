"""`python -m headrace_listener [APP ...]`: the event listener as a process."""

import sys

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace_listener.wiring import run

if __name__ == "__main__":
    configure("listener")
    telemetry.configure("listener")
    run(Settings.load(), sys.argv[1:])
