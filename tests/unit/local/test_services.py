from __future__ import annotations

from pathlib import Path

from headrace.local.services import ServicePlan, service_children, service_command, service_names
from headrace.local.state import StateDir


def _plan(workers: int) -> ServicePlan:
    return ServicePlan(
        apps=["shop.tasks", "flow.yaml"],
        workers=workers,
        slots=3,
        environment={"HEADRACE_KAFKA": "here:1"},
        databases={"HEADRACE_POSTGRES": "postgresql://secret"},
        stop_grace_s=1,
    )


def test_one_worker_is_called_worker_and_several_are_numbered() -> None:
    assert [name for _, name in service_names(1)] == [
        "decision", "dispatcher", "worker", "resources", "listener", "status",
    ]  # fmt: skip
    assert [name for service, name in service_names(3) if service == "worker"] == ["worker-1", "worker-2", "worker-3"]


def test_only_worker_and_listener_load_apps_and_only_their_code() -> None:
    children = {child.name: list(child.command) for child in service_children(_plan(1), StateDir(Path("state")))}
    with_apps = {name for name, command in children.items() if "--app" in command}
    assert with_apps == {"worker", "listener"}
    assert all("flow.yaml" not in command for command in children.values())


def test_a_worker_is_told_its_name_and_slots() -> None:
    command = service_command("worker", "worker-2", [], 3)
    assert list(command[-4:]) == ["--name", "worker-2", "--slots", "3"]


def test_only_the_status_service_hears_of_the_databases() -> None:
    for child in service_children(_plan(1), StateDir(Path("state"))):
        assert ("HEADRACE_POSTGRES" in child.environment) == (child.name == "status")
        assert child.environment["HEADRACE_READY_FILE"] == str(child.ready_file)
