"""`python -m headrace_execution.dispatcher`: the dispatcher as a process."""

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_execution.dispatcher.wiring import run

if __name__ == "__main__":
    configure("dispatcher")
    telemetry.configure("dispatcher")
    settings = Settings.load()
    ship_logs("dispatcher", settings)
    run(settings)
