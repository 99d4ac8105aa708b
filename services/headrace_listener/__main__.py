"""`python -m headrace_listener [APP ...]`: the event listener as a process."""

import sys

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_listener.wiring import run

if __name__ == "__main__":
    configure("listener")
    telemetry.configure("listener")
    settings = Settings.load()
    ship_logs("listener", settings)
    run(settings, sys.argv[1:])
