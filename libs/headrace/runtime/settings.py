"""Every setting that all services share: one typed value from the environment, each with its reason.

`HEADRACE_` and the field's name in capitals is the variable. `HEADRACE_KAFKA_CONFIG_*` goes to librdkafka as it is:
the rest of the name in lower case, with dots for underscores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from headrace.runtime.dev_json import DEFAULT_STATE, running_stack

PREFIX = "HEADRACE_"
KAFKA_CONFIG_PREFIX = "HEADRACE_KAFKA_CONFIG_"
# librdkafka's one option that is spelled with an underscore.
_UNDERSCORED = {"log.level": "log_level"}


class InvalidSettings(ValueError):
    """A setting that cannot be used; the text names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told from outside."""

    kafka: Annotated[str, Meta(description="Bootstrap servers of the Kafka cluster.")] = "127.0.0.1:19092"
    api: Annotated[str, Meta(description="Address of the read API.")] = "http://127.0.0.1:8700"
    postgres: Annotated[str, Meta(description="DSN of the read model's owner; only the status service uses it.")] = ""
    postgres_reader: Annotated[str, Meta(description="DSN of the role that can only SELECT; the read API uses it.")] = (
        ""
    )
    namespace: Annotated[str, Meta(description="Prefix of every topic: a namespace is a cell.")] = "headrace"
    state: Annotated[
        str, Meta(description="Folder of the local stack; dev.json in it tells the CLI where things are.")
    ] = DEFAULT_STATE
    schema_registry: Annotated[
        str, Meta(description="URL of a schema registry; empty takes ids from the checked-in file.")
    ] = ""
    decision_shards: Annotated[
        int, Meta(description="Shards of the decision service; fixed when a namespace is made.", ge=1, le=256)
    ] = 4
    dispatcher_shards: Annotated[
        int, Meta(description="Shards of the dispatcher; a queue lives on one of them.", ge=1, le=256)
    ] = 1
    resource_shards: Annotated[
        int, Meta(description="Shards of the resource manager; a resource lives on one.", ge=1, le=256)
    ] = 1
    replication_factor: Annotated[
        int, Meta(description="Replicas of every topic; 3 on a cluster, 1 on one broker.", ge=1, le=10)
    ] = 1
    session_timeout_ms: Annotated[
        int,
        Meta(
            description="A process that is silent for so long loses its shards; shorter is faster and less patient.",
            ge=1000,
        ),
    ] = 6_000
    payload_limit_bytes: Annotated[
        int, Meta(description="Largest payload in the log: a record must hold it with room to spare.", ge=1024)
    ] = 1_048_576
    record_limit_bytes: Annotated[
        int, Meta(description="Largest journal record; below the topics' max.message.bytes.", ge=65536)
    ] = 4_194_304
    cause_limit_bytes: Annotated[
        int, Meta(description="Longest error text that is kept; a traceback fits, a dump does not.", ge=256)
    ] = 8_192
    checkpoint_ms: Annotated[
        int,
        Meta(
            description="How often a shard makes a checkpoint at least, idle or not: others delete only what its "
            "checkpoints have passed.",
            ge=100,
        ),
    ] = 30_000
    checkpoint_events: Annotated[
        int,
        Meta(
            description="Events after which a checkpoint is made before its time: bounds for how long a shard stands "
            "still to pack them, and what a recovery replays.",
            ge=100,
        ),
    ] = 20_000
    checkpoint_bytes: Annotated[
        int,
        Meta(
            description="The same, by the size of the journal: large payloads take long to read again.",
            ge=65536,
        ),
    ] = 33_554_432
    snapshot_chunk_bytes: Annotated[
        int,
        Meta(
            description="Larger entries of a snapshot are cut: well below what a topic and a fetch take.",
            ge=1024,
            le=4_194_304,
        ),
    ] = 524_288
    snapshot_load_ms: Annotated[
        int,
        Meta(
            description="A snapshot that takes longer to load is loaded anew: below delete.retention.ms of its topic, "
            "or a tombstone may be missed.",
            ge=1000,
            le=3_000_000,
        ),
    ] = 600_000
    journal_keep_ms: Annotated[
        int,
        Meta(
            description="A journal's records are kept for so long whoever has passed them: what outside readers may "
            "be away. Seven days.",
            ge=0,
        ),
    ] = 604_800_000
    delete_every_ms: Annotated[
        int,
        Meta(
            description="Pause between two deletions of a shard: each is a request to the partitions' leaders.",
            ge=0,
        ),
    ] = 10_000
    gather_ms: Annotated[
        int,
        Meta(
            description="Under load a reader takes a batch at most so often: longer saves CPU and costs latency.",
            ge=0,
            le=1000,
        ),
    ] = 8
    gather_late_ms: Annotated[
        int,
        Meta(
            description="A reader is under load when records are so old as it reads them; more than "
            "HEADRACE_GATHER_MS, or 0 for always.",
            ge=0,
        ),
    ] = 12
    rare_after_ms: Annotated[
        int,
        Meta(
            description="A journal in which nothing was for a shard for so long is looked into only now and then.",
            ge=100,
        ),
    ] = 2_000
    rare_rest_ms: Annotated[
        int,
        Meta(
            description="How often then, and how late the first record may come that is for it after all; 0 reads "
            "every journal promptly.",
            ge=0,
            le=1000,
        ),
    ] = 20
    ship_logs: Annotated[
        bool, Meta(description="Ship each service's own log to the logs topic too, where the read API finds it.")
    ] = True
    ship_logs_queue: Annotated[
        int,
        Meta(
            description="Lines of a process that wait while the log does not answer (twice: before and in the "
            "client); further ones are dropped, and counted. Nothing ever waits for them.",
            ge=1,
        ),
    ] = 2_000
    ship_logs_line_bytes: Annotated[
        int,
        Meta(
            description="Longest message of a service's line, and as much again for its other fields; a traceback "
            "fits, a dump does not.",
            ge=256,
            le=1_048_576,
        ),
    ] = 16_384
    payload_keys: Annotated[
        str,
        Meta(
            description="Keys that payloads are sealed with: `id=KEY, id=KEY`, 32 bytes as base64 each, or `@FILE` "
            "with a line for each. Empty: payloads are not sealed. Alike for every client, worker, decision service "
            "and listener of the namespace."
        ),
    ] = ""
    payload_key_id: Annotated[
        str, Meta(description="The key that seals from now on; the first one unless set. The others still open.")
    ] = ""
    blobs: Annotated[
        str,
        Meta(
            description="Where payloads lie that are larger than HEADRACE_PAYLOAD_LIMIT_BYTES: a folder that all "
            "share, or a URL that fsspec knows (`s3://bucket/headrace`). Empty: `blobs` in HEADRACE_STATE; `off`: such "
            "payloads are refused. Alike for every client and worker."
        ),
    ] = ""
    blob_limit_bytes: Annotated[
        int,
        Meta(
            description="Largest payload of all: it is held in memory whole, by whoever makes it and whoever needs it.",
            ge=1024,
        ),
    ] = 268_435_456
    kafka_config: Annotated[dict[str, str], Meta(description="Options that go to librdkafka in every client.")] = {}

    @property
    def largest_payload_bytes(self) -> int:
        """How large a payload may be at most, in the log or not."""
        return self.payload_limit_bytes if self.blobs == "off" else max(self.payload_limit_bytes, self.blob_limit_bytes)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the environment.

        Without an address in the environment, the `dev.json` of the state folder gives the addresses of the running
        local stack.

        Raises:
            InvalidSettings: a variable does not fit; the text names it and what was expected.
        """
        source = dict(os.environ if environ is None else environ)
        values: dict[str, Any] = {}
        for name in cls.__struct_fields__:
            text = source.get(PREFIX + name.upper())
            if name != "kafka_config" and text:
                values[name] = text
        values["kafka_config"] = {
            _option(name): text for name, text in sorted(source.items()) if name.startswith(KAFKA_CONFIG_PREFIX)
        }
        _fill_from_dev(values)
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidSettings(_refusal(str(error), values)) from error

    def client_config(self, **options: str | float | bool) -> dict[str, Any]:
        """Return librdkafka options for one client: ours, then what the environment passes through."""
        return {
            "bootstrap.servers": self.kafka,
            **{k.replace("_", "."): v for k, v in options.items()},
            **self.kafka_config,
        }


def _option(variable: str) -> str:
    name = variable.removeprefix(KAFKA_CONFIG_PREFIX).lower().replace("_", ".")
    return _UNDERSCORED.get(name, name)


def _refusal(problem: str, values: Mapping[str, Any]) -> str:
    """Return what is wrong in terms of the variable; msgspec ends its text with the path of the field:
    `$.decision_shards`.
    """
    what, _, path = problem.partition(" - at `$.")
    name = path.rstrip("`")
    return f"{PREFIX}{name.upper()}: {what}, but found {values.get(name)!r}" if path else problem


def _fill_from_dev(values: dict[str, Any]) -> None:
    if "kafka" in values:
        return
    found = running_stack(values.get("state", DEFAULT_STATE))
    for name in ("kafka", "api", "namespace"):
        if isinstance(found.get(name), str):
            values.setdefault(name, found[name])
