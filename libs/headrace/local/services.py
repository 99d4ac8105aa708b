"""The services as children: what each is called, how it is started, and what it is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from headrace.local.process import ChildSpec
from headrace.local.state import StateDir

# In this order they appear in dev.json; they start side by side.
SERVICES = ("decision", "dispatcher", "worker", "resources", "listener", "status")
# They load the apps, so a change of an app concerns them.
APP_SERVICES = ("worker", "listener")
READY_FILE = "HEADRACE_READY_FILE"
# Definitions in these files are deployed; there is no code in them for a worker or listener to load.
_DATA_SUFFIXES = (".yaml", ".yml", ".json")

# The arguments of `python -m headrace` for a service, a worker's name, the apps, and the slots of a worker.
ServiceCommand = Callable[[str, str, Sequence[str], "int | None"], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """What to run. `environment` holds the HEADRACE_* settings for all; the status service gets `databases` too."""

    apps: Sequence[str]
    workers: int
    slots: int | None
    environment: Mapping[str, str]
    databases: Mapping[str, str]
    stop_grace_s: float


def service_command(service: str, name: str, apps: Sequence[str], slots: int | None) -> Sequence[str]:
    """The command line of one service, in this Python."""
    command = [sys.executable, "-m", "headrace", "service", service]
    if service in APP_SERVICES:
        code = [app for app in apps if not app.endswith(_DATA_SUFFIXES)]
        command += [part for app in code for part in ("--app", app)]
    if service == "worker":
        command += ["--name", name]
        command += [] if slots is None else ["--slots", str(slots)]
    return command


def service_children(
    plan: ServicePlan, state: StateDir, command: ServiceCommand = service_command
) -> Sequence[ChildSpec]:
    """One ChildSpec a service; several workers are called worker-1, worker-2 and so on."""
    return [_child(plan, state, service, name, command) for service, name in service_names(plan.workers)]


def service_names(workers: int) -> Sequence[tuple[str, str]]:
    """Pairs of service and child name."""
    workers_names = ["worker"] if workers == 1 else [f"worker-{number}" for number in range(1, workers + 1)]
    return [(service, name) for service in SERVICES for name in (workers_names if service == "worker" else [service])]


def _child(plan: ServicePlan, state: StateDir, service: str, name: str, command: ServiceCommand) -> ChildSpec:
    ready_file = state.run / f"{name}.ready"
    environment = {**plan.environment, READY_FILE: str(ready_file)}
    if service == "status":
        environment |= plan.databases
    return ChildSpec(
        name=name,
        command=command(service, name, plan.apps, plan.slots),
        log_path=state.log(name),
        environment=environment,
        stop_grace_s=plan.stop_grace_s,
        ready_file=ready_file,
    )
