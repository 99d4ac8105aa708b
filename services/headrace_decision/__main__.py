"""`python -m headrace_decision`: the decision service as a process."""

from headrace.runtime import telemetry
from headrace.runtime.logging import configure
from headrace.runtime.settings import Settings
from headrace.shard.kafka.log_shipping import ship_logs
from headrace_decision.wiring import run

if __name__ == "__main__":
    configure("decision")
    telemetry.configure("decision")
    settings = Settings.load()
    ship_logs("decision", settings)
    run(settings)
