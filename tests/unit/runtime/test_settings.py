"""Settings: from the environment, with clear refusals; security options reach every client."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.runtime.settings import InvalidSettings, Settings
from headrace.runtime.settings_page import settings_page
from headrace.shard.kafka import options as shard_options

ROOT = Path(__file__).parents[3]
SECURITY = {
    "HEADRACE_KAFKA": "broker.example:9093",
    "HEADRACE_KAFKA_CONFIG_SECURITY_PROTOCOL": "SASL_SSL",
    "HEADRACE_KAFKA_CONFIG_SASL_MECHANISM": "SCRAM-SHA-512",
    "HEADRACE_KAFKA_CONFIG_SASL_USERNAME": "mill",
    "HEADRACE_KAFKA_CONFIG_SASL_PASSWORD": "wheel_and=race",
    "HEADRACE_KAFKA_CONFIG_SSL_CA_LOCATION": "/etc/ca.pem",
}
CLIENTS = {
    "Producer",
    "Consumer",
    "AdminClient",
    "SerializingProducer",
    "DeserializingConsumer",
    "AIOProducer",
    "AIOConsumer",
}


def test_security_options_pass_through_to_a_client_of_any_kind() -> None:
    config = Settings.load(SECURITY).client_config(acks="all", enable_idempotence=True)
    assert config == {
        "bootstrap.servers": "broker.example:9093",
        "acks": "all",
        "enable.idempotence": True,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "mill",
        "sasl.password": "wheel_and=race",
        "ssl.ca.location": "/etc/ca.pem",
    }


def test_what_is_passed_through_wins_over_our_own_choice() -> None:
    settings = Settings.load({"HEADRACE_KAFKA": "x:1", "HEADRACE_KAFKA_CONFIG_LINGER_MS": "7"})
    assert settings.client_config(linger_ms=0)["linger.ms"] == "7"


def test_an_option_whose_name_has_an_underscore_keeps_it() -> None:
    settings = Settings.load({"HEADRACE_KAFKA": "x:1", "HEADRACE_KAFKA_CONFIG_LOG_LEVEL": "3"})
    assert settings.kafka_config == {"log_level": "3"}


def test_every_kafka_client_in_the_code_gets_its_options_from_the_settings() -> None:
    """Whoever makes a client takes its options from `Settings.client_config`, or from a function `..._options`."""
    clients = 0
    for file, source in _our_modules():
        tree = ast.parse(source)
        made = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) in CLIENTS]
        clients += len(made)
        if made:
            assert _takes_options(source), f"{file}: makes a Kafka client without Settings.client_config"
        if file.name != "settings.py":
            assert '"bootstrap.servers"' not in source, f"{file}: addresses of brokers come from Settings.client_config"
    assert clients > 0


@pytest.mark.parametrize(
    "options", [shard_options.reader_options, shard_options.writer_options, shard_options.member_options]
)
def test_security_options_reach_the_clients_of_shards(options: Callable[[Settings, str], dict[str, object]]) -> None:
    found = options(Settings.load(SECURITY), "mine")
    assert found["security.protocol"] == "SASL_SSL"
    assert found["sasl.password"] == "wheel_and=race"
    assert found["bootstrap.servers"] == "broker.example:9093"
    assert shard_options.admin_options(Settings.load(SECURITY))["ssl.ca.location"] == "/etc/ca.pem"


def _our_modules() -> Iterator[tuple[Path, str]]:
    for folder in ("libs", "services"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "local" not in file.parts:  # asks its own child broker whether it is up, before there are any settings
                yield file, file.read_text(encoding="utf-8")


def _takes_options(source: str) -> bool:
    return ".client_config(" in source or "_options(" in source


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HEADRACE_DECISION_SHARDS", "0"), ("HEADRACE_DECISION_SHARDS", "many"), ("HEADRACE_PAYLOAD_LIMIT_BYTES", "5")],
)
def test_a_value_that_does_not_fit_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=variable):
        Settings.load({"HEADRACE_KAFKA": "x:1", variable: value})


def test_without_an_address_the_running_local_stack_is_found(tmp_path: Path) -> None:
    running = {"ready": True, "kafka": "127.0.0.1:5", "api": "http://127.0.0.1:6", "namespace": "mine", "pids": {}}
    (tmp_path / "dev.json").write_text(json.dumps(running))
    settings = Settings.load({"HEADRACE_STATE": str(tmp_path)})
    assert (settings.kafka, settings.api, settings.namespace) == ("127.0.0.1:5", "http://127.0.0.1:6", "mine")


def test_an_address_in_the_environment_wins_over_the_local_stack(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text(json.dumps({"kafka": "127.0.0.1:5", "api": "http://127.0.0.1:6"}))
    settings = Settings.load({"HEADRACE_STATE": str(tmp_path), "HEADRACE_KAFKA": "elsewhere:9092"})
    assert (settings.kafka, settings.api) == ("elsewhere:9092", Settings().api)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"kafka": 5}'])
def test_a_broken_dev_json_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "dev.json").write_text(text)
    assert Settings.load({"HEADRACE_STATE": str(tmp_path)}).kafka == Settings().kafka


def test_the_page_of_all_settings_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_page(), "run: python -m headrace.runtime.settings_page docs/settings.md"
