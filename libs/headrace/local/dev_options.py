"""The flags of `headrace dev`, and the commands behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.local.services import ServiceCommand, service_command


def deploy_command(apps: Sequence[str]) -> Sequence[str]:
    """Deploys in a process of its own: an app's code is loaded fresh each time, and cannot break this process."""
    return [sys.executable, "-m", "headrace", "deploy", *apps]


def make_topics(kafka: str, namespace: str) -> None:
    """Make and check all topics of the namespace. A new one has as many decision shards as one process needs."""
    import msgspec

    from headrace.runtime.settings import Settings
    from headrace.shard.topics import ensure_topics

    settings = msgspec.structs.replace(Settings.load(), kafka=kafka, namespace=namespace)
    # A shard is what a further process could take; here there is one process, and each shard has its own requests.
    chosen = "HEADRACE_DECISION_SHARDS" in os.environ
    ensure_topics(settings, defaults={} if chosen else {"decision_shards": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class DevOptions:
    """The flags of `headrace dev`; None takes the default of LocalSettings.

    The last three are what it runs: tests put other commands in their place.
    """

    state: Path = Path(".headrace")
    fresh: bool = False
    kafka_port: int | None = None
    api_port: int | None = None
    apps: Sequence[str] = ()
    workers: int = 1
    slots: int | None = None
    watch: bool = False
    json: bool = False
    namespace: str = "headrace"
    service_command: ServiceCommand = service_command
    deploy_command: Callable[[Sequence[str]], Sequence[str]] = deploy_command
    make_topics: Callable[[str, str], None] = make_topics
