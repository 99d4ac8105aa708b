"""`python -m headrace_status`: the status query service."""

from __future__ import annotations

from headrace.runtime import logging, telemetry
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_status.wiring import run

if __name__ == "__main__":
    logging.configure("status")
    telemetry.configure("status")
    settings = Settings.load()
    ship_logs("status", settings)
    run(settings)
