"""What can be set about the local stack, each with its default and the reason for it.

Read from `HEADRACE_LOCAL_<NAME>`: `HEADRACE_LOCAL_KAFKA_HEAP_MB=2048 headrace dev`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headrace.local.errors import LocalStackError

PREFIX = "HEADRACE_LOCAL_"

Durability = Literal["fsync", "page-cache"]
Port = Annotated[int, Meta(ge=1, le=65535)]


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the local stack. Ports are the first choice: a free one is taken when they are in use."""

    durability: Annotated[
        Durability,
        Meta(
            description="fsync: Kafka acknowledges what is on the disk, since one broker has no replica to fall back "
            "on; page-cache: a killed process loses nothing, a power cut the last moments. For benchmarks and tests."
        ),
    ] = "fsync"
    kafka_port: Annotated[Port, Meta(description="Not Kafka's own 9092, where another broker may be meant.")] = 19092
    api_port: Annotated[Port, Meta(description="The read API and the web page.")] = 8700
    postgres_port: Annotated[Port, Meta(description="Not Postgres' own 5432, where another server may be meant.")] = (
        15432
    )
    kafka_heap_mb: Annotated[
        int, Meta(description="Carries the benchmarks; an idle broker stays near 350 MB resident.", ge=128)
    ] = 768
    postgres_user: Annotated[
        str,
        Meta(description="Postgres refuses to run as root: for root it runs as this user, which every system has."),
    ] = "nobody"
    ready_timeout_s: Annotated[
        float,
        Meta(
            description="How long a server or service may take to be ready; 4 s are usual, a busy machine needs more."
        ),
    ] = 60.0
    stop_grace_s: Annotated[
        float, Meta(description="How long a child may take to stop before it is killed; workers hand tasks back then.")
    ] = 15.0
    restart_pause_ms: Annotated[
        int, Meta(description="The pause before what died is started again; it doubles with every further death.", ge=1)
    ] = 500
    restart_pause_max_ms: Annotated[
        int, Meta(description="The longest such pause: what a human who repaired the cause is willing to wait.", ge=1)
    ] = 30_000
    restart_stable_ms: Annotated[
        int, Meta(description="What has lived this long is healthy, and its next pause is the shortest again.", ge=1)
    ] = 60_000
    start_attempts: Annotated[
        int,
        Meta(
            description="What has ended so often before it was ever ready ends `headrace dev`: one unlucky start is "
            "forgiven, a mistake is shown after a few seconds.",
            ge=1,
        ),
    ] = 3
    cache_dir: Annotated[
        str, Meta(description="Kafka's jars: shared by all checkouts and states of a user, as they never change.")
    ] = "~/.cache/headrace"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> LocalSettings:
        """The settings of the environment. Raises LocalStackError on a value that does not fit, naming the variable."""
        source = os.environ if environ is None else environ
        values = {
            name: source[PREFIX + name.upper()] for name in cls.__struct_fields__ if source.get(PREFIX + name.upper())
        }
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise LocalStackError(
                f"Expected valid {PREFIX}* settings, but {error} (lower case, without prefix)."
            ) from None

    @property
    def cache_path(self) -> Path:
        return Path(self.cache_dir).expanduser()
