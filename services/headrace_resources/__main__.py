"""`python -m headrace_resources`: the resource manager as a process."""

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_resources.wiring import run

if __name__ == "__main__":
    configure("resources")
    telemetry.configure("resources")
    settings = Settings.load()
    ship_logs("resources", settings)
    run(settings)
