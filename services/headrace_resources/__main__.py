"""`python -m headrace_resources`: the resource manager as a process."""

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace_resources.wiring import run

if __name__ == "__main__":
    configure("resources")
    telemetry.configure("resources")
    run(Settings.load())
