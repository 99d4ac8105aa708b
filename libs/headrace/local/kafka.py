"""One Kafka broker (KRaft, broker and controller in one process) as a child of ours, on loopback.

Its settings: `infra/kafka/broker.properties`, each with its reason, and below what depends on the moment.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.local.assets import asset
from headrace.local.errors import LocalStackError
from headrace.local.ports import LOOPBACK
from headrace.local.process import Child, ChildSpec, tail
from headrace.local.settings import Durability

_FORMAT_TIMEOUT_S = 120
# A reply takes a few milliseconds once the broker is up; a short wait keeps the loop looking at the process, too.
_PROBE_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """Where a broker keeps its things and listens. `properties` override anything (SASL listeners in tests).

    `cluster_id` is for brokers that form one cluster; empty takes a fresh one.
    """

    home: Path
    log_path: Path
    jars: Path
    port: int
    controller_port: int
    durability: Durability = "fsync"
    heap_mb: int = 768
    stop_grace_s: float = 15.0
    properties: Mapping[str, str] = field(default_factory=dict)
    cluster_id: str = ""

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"


def prepare_kafka(options: KafkaOptions) -> None:
    """Write the broker's settings, and format its data directory when it has none. About one second, once."""
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_properties(options, _data(options), _properties_path(options))
    if not _data(options).exists():
        _format(options)
    elif not (_data(options) / "meta.properties").exists():
        # To format it again would hide what is lost: everything, for a reader with a position.
        raise LocalStackError(
            f"Expected {_data(options)} to be a formatted Kafka data directory, but it has no meta.properties: "
            "it is damaged. Begin anew with --fresh."
        )


def kafka_child(options: KafkaOptions) -> ChildSpec:
    """How to run the broker that `prepare_kafka` has prepared. It may be started again on the same data."""
    return ChildSpec(
        name="kafka",
        command=_java(options, "kafka.Kafka", str(_properties_path(options))),
        log_path=options.log_path,
        environment=dict(os.environ),
        stop_signal=signal.SIGTERM,
        stop_grace_s=options.stop_grace_s,
    )


def wait_for_kafka(child: Child, bootstrap: str, timeout_s: float) -> None:
    """Return when the broker answers a metadata request as an unfenced broker with a controller.

    A TCP connect would succeed some hundred milliseconds before topics can be made. Raises LocalStackError, with the
    end of the log, when it died or took too long.
    """
    from confluent_kafka import KafkaException  # Here, so that importing this module needs no Kafka client.
    from confluent_kafka.admin import AdminClient

    # Refused connections are expected until it listens; librdkafka would print them all.
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 100})
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        child.require_running()
        try:
            metadata = admin.list_topics(timeout=_PROBE_TIMEOUT_S)
        except KafkaException:
            continue
        if metadata.brokers and metadata.controller_id >= 0:
            return
    raise LocalStackError(
        f"Expected Kafka to answer on {bootstrap} within {timeout_s:g} s, but it did not. "
        f"Its log is {child.spec.log_path}; the last lines:\n{tail(child.spec.log_path)}"
    )


def new_cluster_id() -> str:
    """A fresh id, as Kafka writes them."""
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    # The storage tool would take a leading dash for an option.
    return "h" + cluster_id[1:] if cluster_id.startswith("-") else cluster_id


def _data(options: KafkaOptions) -> Path:
    return options.home / "data"


def _properties_path(options: KafkaOptions) -> Path:
    return options.home / "server.properties"


def _write_properties(options: KafkaOptions, data: Path, path: Path) -> None:
    listeners = f"CLIENTS://{LOOPBACK}:{options.port},CONTROLLER://{LOOPBACK}:{options.controller_port}"
    changing = {
        "listeners": listeners,
        "advertised.listeners": f"CLIENTS://{LOOPBACK}:{options.port}",
        "controller.quorum.voters": f"1@{LOOPBACK}:{options.controller_port}",
        "log.dirs": str(data),
    }
    if options.durability == "fsync":
        # flush.messages=1 for every topic: one broker has no replica to fall back on, so what it acknowledges must
        # be on the disk. On a cluster replication does this, and the setting stays off.
        changing["log.flush.interval.messages"] = "1"
    changing.update(options.properties)
    text = asset("kafka/broker.properties").read_text("utf-8")
    lines = [f"{name}={value}" for name, value in changing.items()]
    # Java reads the last of two lines with one name, so what is added here wins.
    path.write_text(text + "\n# --- this machine ---\n" + "\n".join(lines) + "\n", "utf-8")


def _format(options: KafkaOptions) -> None:
    """Format into a directory beside, then rename: what is killed halfway is formatted anew."""
    unfinished = options.home / "data.unfinished"
    properties = options.home / "format.properties"
    shutil.rmtree(unfinished, ignore_errors=True)
    _write_properties(options, unfinished, properties)
    arguments = ("format", "--cluster-id", options.cluster_id or new_cluster_id(), "--config", str(properties))
    command = _java(options, "kafka.tools.StorageTool", *arguments)
    with open(options.log_path, "ab") as log:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_FORMAT_TIMEOUT_S, check=False
        ).returncode
    if code != 0:
        raise LocalStackError(
            f"Expected Kafka's storage tool to format {unfinished}, but it ended with {code}. "
            f"Its log is {options.log_path}; the last lines:\n{tail(options.log_path)}"
        )
    unfinished.rename(_data(options))


def _java(options: KafkaOptions, main_class: str, *arguments: str) -> list[str]:
    java = shutil.which("java") or "java"
    return [
        java,
        # Small until it is needed: an idle broker gives memory back.
        "-Xms64m",
        f"-Xmx{options.heap_mb}m",
        # The quick compiler only. The optimising one takes most of a core for the first minutes, which on a machine of
        # two cores is half of what there is, for a broker that mostly waits for the disk.
        "-XX:TieredStopAtLevel=1",
        # The collector that costs least; pauses stay short, since hardly anything in a small heap survives.
        "-XX:+UseSerialGC",
        # Out of memory: die and be started again, instead of limping with a dead thread.
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dheadrace.kafka.log={options.log_path.with_name('kafka-server.log')}",
        f"-Dlog4j2.configurationFile={asset('kafka/log4j2.properties')}",
        *("-cp", f"{options.jars}/*"),
        main_class,
        *arguments,
    ]
