"""Puts the event listener together: the relay, one thread for each listener and each trigger, and their states."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.authoring.apps import Apps, load_apps
from headrace.authoring.listeners import ListenerDefinition
from headrace.authoring.triggers import TriggerDefinition
from headrace.runtime import health, shutdown
from headrace.runtime.codecs import codec_for
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.payloads import sealing_for
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import LogAway
from headrace.shard.topics import ensure_topics
from headrace_listener.context import ServiceContext
from headrace_listener.listeners import service as listeners
from headrace_listener.listeners.calling import EventLoop
from headrace_listener.outbox import Outbox
from headrace_listener.relay.service import NAME as RELAY
from headrace_listener.relay.service import RelayService
from headrace_listener.states import Progress, States
from headrace_listener.triggers import service as triggers

_log = logging.getLogger("headrace.listener")


class Part(Protocol):
    """Something that runs in a thread of its own."""

    ready: threading.Event

    def run(self, stop: threading.Event) -> None:
        """Run until `stop`."""


def run(
    settings: Settings,
    apps: Sequence[str] = (),
    ready: Callable[[], None] = health.ready,
    stop: threading.Event | None = None,
    limits: ListenerSettings | None = None,
) -> None:
    """Run the service until `stop`, by default until SIGTERM or SIGINT.

    `apps` are modules and files whose listeners and triggers are run; without any, the service only relays. `ready`
    is called once the relay has begun (here or elsewhere) and every listener and trigger has its place.

    Raises:
        InvalidDefinition: an app does not load.
        PositionLost: a journal was deleted, made anew or shortened.
    """
    limits = limits or ListenerSettings.load()
    stopping = stop or shutdown.stop_event()
    loaded = load_apps(apps)
    try:
        namespace = ensure_topics(settings, stop=stopping)
    except LogAway:
        return  # told to stop while Kafka was away
    process = f"{socket.gethostname()}:{os.getpid()}"
    log = KafkaLog(settings, collect_ms=limits.collect_ms)
    context = ServiceContext(
        settings=settings,
        namespace=namespace,
        codec=codec_for(settings),
        process=process,
        availability=log.availability,
        limits=limits,
        sealing=sealing_for(settings),
    )
    outbox = Outbox(settings, context.partitions, context.availability)
    states = States(context.codec, outbox.send)
    threads = Threads(build(context, log, loaded, outbox, states), stopping)
    try:
        _watch(threads, states, ready, stopping, limits)
    finally:
        threads.join(limits.stop_ms / 1000)
        states.publish(_now_ms())
        outbox.close(1.0)
        log.close()
    threads.check()


def build(context: ServiceContext, log: KafkaLog, apps: Apps, outbox: Outbox, states: States) -> dict[str, Part]:
    """Return everything that the service runs, by name."""
    namespace = context.settings.namespace
    loop = EventLoop()

    def progress(name: str, kind: str, source: str, group: str) -> Progress:
        return states.add(Progress(name=name, kind=kind, source=source, group=group, process=context.process))

    parts: dict[str, Part] = {
        RELAY: RelayService(context, log, progress(RELAY, RELAY, "journals", f"{namespace}.{RELAY}"))
    }
    for definition in apps.listeners.values():
        assert isinstance(definition, ListenerDefinition)
        source = ",".join(sorted(definition.events)) or "all events"
        told = progress(definition.name, "listener", source, listeners.group_of(namespace, definition.name))
        parts[f"listener {definition.name}"] = listeners.ListenerService(definition, context, outbox, loop, told)
    for trigger in apps.triggers.values():
        assert isinstance(trigger, TriggerDefinition)
        told = progress(trigger.name, "trigger", trigger.topic, triggers.group_of(namespace, trigger.name))
        parts[f"trigger {trigger.name}"] = triggers.TriggerService(trigger, context, outbox, told)
    return parts


class Threads:
    """The parts, each in its thread. One that ends with an exception ends the service; its supervisor restarts it."""

    def __init__(self, parts: dict[str, Part], stop: threading.Event) -> None:
        self._parts = parts
        self._stop = stop
        self._errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(name, part), name=name, daemon=True)
            for name, part in parts.items()
        ]
        for thread in self._threads:
            thread.start()

    def ready(self) -> bool:
        """Tell whether every part has its place."""
        return all(part.ready.is_set() for part in self._parts.values())

    def join(self, wait_s: float) -> None:
        """Wait for all threads to end; one that hangs in a function of the user's is left behind."""
        self._stop.set()
        deadline = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))

    def check(self) -> None:
        """Raise what a part has ended with."""
        if self._errors:
            raise self._errors[0]

    def _run(self, name: str, part: Part) -> None:
        try:
            part.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            _log.critical("%s stops: %s", name, error)
            self._errors.append(error)
            self._stop.set()


def _watch(
    threads: Threads, states: States, ready: Callable[[], None], stop: threading.Event, limits: ListenerSettings
) -> None:
    told = False
    next_states = time.monotonic()
    while not stop.wait((limits.idle_wait_ms if told else 20) / 1000):
        if not told and threads.ready():
            told = True
            ready()
        if time.monotonic() >= next_states:
            next_states = time.monotonic() + limits.state_pause_ms / 1000
            states.publish(_now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
