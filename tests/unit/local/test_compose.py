"""docker-compose.yml is the same stack as `headrace dev`: the same settings, services and topics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.contracts.topics import topic_specs
from headrace.local.assets import asset
from headrace.local.services import SERVICES, service_command
from headrace.local.settings import LocalSettings
from headrace.runtime.health import READY_FILE
from headrace.runtime.settings import PREFIX, Settings

CHECKOUT = Path(__file__).parents[3]
# What must differ inside of a container: where it listens, and where its disk is.
PLACES = {
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "log.dirs",
}
# Variables of the image that are no broker settings.
IMAGE_VARIABLES = {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text("utf-8"))
    assert isinstance(document, dict)
    return document


def _settings(name: str, separator: str) -> dict[str, str]:
    lines = asset(name).read_text("utf-8").splitlines()
    pairs = [line.split(separator, 1) for line in lines if line.strip() and not line.startswith("#")]
    return {key.strip(): value.strip().strip("'") for key, value in pairs}


def test_the_broker_has_the_same_settings(compose: dict[str, Any]) -> None:
    variables = compose["services"]["kafka"]["environment"].keys() - IMAGE_VARIABLES
    in_container = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(compose["services"]["kafka"]["environment"][name])
        for name in variables
    }
    local = _settings("kafka/broker.properties", "=")
    # `headrace dev` adds this one unless it is told otherwise; see KafkaOptions.durability.
    assert LocalSettings().durability == "fsync"
    local["log.flush.interval.messages"] = "1"
    assert {k: v for k, v in in_container.items() if k not in PLACES} == {
        k: v for k, v in local.items() if k not in PLACES
    }
    assert f"-Xmx{LocalSettings().kafka_heap_mb}m" in compose["services"]["kafka"]["environment"]["KAFKA_HEAP_OPTS"]


def test_the_versions_are_those_of_the_local_servers(compose: dict[str, Any]) -> None:
    kafka = re.search(r"<kafka.version>(.*)</kafka.version>", asset("kafka/pom.xml").read_text("utf-8"))
    assert kafka is not None
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    assert compose["services"]["postgres"]["image"] == "postgres:18"


def test_postgres_has_the_same_settings(compose: dict[str, Any]) -> None:
    flags = [flag for flag in compose["services"]["postgres"]["command"] if flag.startswith("-c")]
    in_container = dict(flag.removeprefix("-c").split("=", 1) for flag in flags)
    local = _settings("postgres/postgresql.conf", " = ")
    places = {"listen_addresses", "unix_socket_directories"}
    assert {k: v for k, v in in_container.items() if k not in places} == {
        k: v for k, v in local.items() if k not in places
    } | {"log_line_prefix": "%m [%p] %q%u@%d "}
    assert "scram-sha-256" in compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_every_service_runs_by_the_command_that_dev_uses(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"kafka", "postgres", *SERVICES}
    for service in SERVICES:
        here = service_command(service, service, [], None)
        assert compose["services"][service]["command"][:2] == list(here[3:5])


def test_every_service_that_writes_or_reads_a_topic_is_there(compose: dict[str, Any]) -> None:
    people = {"clients", "all", "everybody", "people", "any service", "once"}
    named = {name for spec in topic_specs().values() for name in (*spec.writers, *spec.readers)} - people
    assert named <= set(compose["services"])


def test_services_are_told_only_what_they_understand(compose: dict[str, Any]) -> None:
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__} | {READY_FILE}
    for service in SERVICES:
        environment = compose["services"][service]["environment"]
        assert set(environment) <= known
        settings = Settings.load({name: str(text) for name, text in environment.items()})
        assert settings.kafka == "kafka:9092"
        assert settings.replication_factor == int(
            _settings("kafka/broker.properties", "=")["default.replication.factor"]
        )
        assert settings.namespace == Settings().namespace
        assert settings.record_limit_bytes < int(_settings("kafka/broker.properties", "=")["message.max.bytes"])
        assert bool(settings.postgres) == (service == "status")


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_ports_are_those_of_dev(compose: dict[str, Any]) -> None:
    defaults = LocalSettings()
    expected = {"kafka": defaults.kafka_port, "postgres": defaults.postgres_port, "status": defaults.api_port}
    for service, port in expected.items():
        assert compose["services"][service]["ports"][0].split(":")[1] == str(port)


def test_files_that_are_mounted_or_built_from_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (CHECKOUT / source).exists()
        if "build" in service:
            assert (CHECKOUT / service["build"]["dockerfile"]).is_file()
