"""`python -m headrace_execution.worker MODULE_OR_FILE...`: a worker as a process."""

import sys

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_execution.worker.wiring import run

if __name__ == "__main__":
    configure("worker")
    telemetry.configure("worker")
    settings = Settings.load()
    ship_logs("worker", settings)
    run(settings, sys.argv[1:])
