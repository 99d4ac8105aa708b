"""Puts a worker together: its apps, what it offers, and the real log around the book."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.authoring.apps import Apps, load_apps
from headrace.authoring.tasks import DEFAULT_QUEUE, TaskDefinition
from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import QueueOffer
from headrace.engine.task_versions import UNVERSIONED
from headrace.runtime import health, shutdown
from headrace.runtime.codecs import codec_for
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.runtime.payloads import courier_for, sealing_for
from headrace.runtime.settings import Settings
from headrace.shard.clock import SystemClock
from headrace.shard.kafka import KafkaLog
from headrace.shard.ports import LogAway, PositionLost
from headrace.shard.topics import ensure_topics
from headrace_execution.worker.book import Book
from headrace_execution.worker.labels import parse_labels
from headrace_execution.worker.measuring import Measuring
from headrace_execution.worker.node import Node
from headrace_execution.worker.outbox import KafkaOutbox, OutboxBroken
from headrace_execution.worker.output import captured
from headrace_execution.worker.pool_setup import named_numbers, pools_of
from headrace_execution.worker.pools import Pools
from headrace_execution.worker.runner import Runner
from headrace_execution.worker.worker import Worker, WorkerReplaced

_log = logging.getLogger("headrace.worker")

Tasks = Mapping[str, TaskDefinition[..., Any]]


class DuplicateTask(ValueError):
    """Two functions with the same task name; the text says where they stand."""


def run(
    settings: Settings,
    apps: Apps | Sequence[str],
    name: str = "",
    slots: int | None = None,
    ready: Callable[[], None] = health.ready,
    stop: threading.Event | None = None,
) -> None:
    """Run a worker until `stop`, by default until SIGTERM or SIGINT; then finish or hand back what it holds.

    `apps` are modules and files, or what was loaded from them. `slots` are the tasks that it runs at once, per queue.

    Raises:
        DuplicateTask: two functions have the same task name.
        InvalidDefinition: an app does not load.
        WorkerReplaced: another process has the same name.
        PositionLost: the task journal is not what it was.
        OutboxBroken: Kafka refused what must be sent.
    """
    execution = ExecutionSettings.load()
    labels = parse_labels(execution.labels)
    stopping = stop or shutdown.stop_event()
    loaded = apps if isinstance(apps, Apps) else load_apps(list(apps))
    tasks = tasks_by_name(loaded.tasks)
    pools = _pools(settings, execution, loaded, tasks)
    try:
        namespace = ensure_topics(settings, stop=stopping)
    except LogAway:
        return  # told to stop while Kafka was away
    offers = _offers(execution, loaded, tasks, slots, namespace)
    worker_name = name or f"{socket.gethostname()}-{os.getpid()}"
    _log.info("worker %s starts with %d tasks on the queues %s", worker_name, len(tasks), _queue_names(offers))
    book = Book(worker_name, uuid.uuid4().hex[:12], offers, host=socket.gethostname(), pid=os.getpid(), labels=labels)
    measuring = Measuring(Node(Path.cwd()), loaded.gauges.values(), execution.gauge_interval_ms / 1_000)
    log = KafkaLog(settings)
    worker = Worker(
        log,
        KafkaOutbox(settings, f"{settings.namespace}-worker-{book.worker}", log.availability),
        book,
        SystemClock(),
        decision_shards=namespace.decision_shards,
        settings=execution,
        codec=codec_for(settings),
        topic_ids=namespace.topic_ids,
        gauges=measuring.take,
        sealing=sealing_for(settings),
    )
    runner = _runner(settings, execution, loaded, tasks, pools, worker)
    try:
        with captured():
            measuring.start()
            worker.start(runner, stopping)
            loop(worker, ready, stopping)
    except LogAway:
        return
    except (WorkerReplaced, PositionLost, OutboxBroken) as error:
        _log.critical("worker %s stops: %s", book.worker, error)
        raise
    finally:
        measuring.close()
        runner.close()
        log.close()


def _pools(settings: Settings, execution: ExecutionSettings, apps: Apps, tasks: Tasks) -> Pools | None:
    return pools_of(
        tasks.values(),
        list(apps.middleware.values()),
        execution,
        payload_bytes=settings.largest_payload_bytes,
        cause_bytes=settings.cause_limit_bytes,
    )


def _offers(
    execution: ExecutionSettings, apps: Apps, tasks: Tasks, slots: int | None, namespace: NamespaceSettings
) -> dict[int, list[QueueOffer]]:
    slots_of = named_numbers(execution.queues, "queues")
    queues = queues_of(apps, execution)
    return offers_by_shard(tasks, queues, slots or execution.slots, namespace.dispatcher_shards, slots_of)


def _queue_names(offers: Mapping[int, Iterable[QueueOffer]]) -> str:
    return ", ".join(offer.queue for offered in offers.values() for offer in offered)


def _runner(
    settings: Settings, execution: ExecutionSettings, apps: Apps, tasks: Tasks, pools: Pools | None, worker: Worker
) -> Runner:
    return Runner(
        tasks,
        worker.ended,
        payload_bytes=settings.largest_payload_bytes,
        cause_bytes=settings.cause_limit_bytes,
        cancel_grace_ms=execution.cancel_grace_ms,
        middleware=list(apps.middleware.values()),
        pools=pools,
        keep=worker.keep,
        note_bytes=execution.note_limit_bytes,
        courier=courier_for(settings),
    )


def loop(worker: Worker, ready: Callable[[], None], stop: threading.Event) -> None:
    """Step a worker until it is told to stop, then until it holds nothing or its grace is over; then leave."""
    told = False
    while not stop.is_set():
        worker.step()
        if not told and worker.joined:
            told = True
            ready()
    worker.stop()
    while not worker.done:
        worker.step()
    worker.leave()


def tasks_by_name(
    tasks: Mapping[str, TaskDefinition[..., Any]] | Iterable[TaskDefinition[..., Any]],
) -> dict[str, TaskDefinition[..., Any]]:
    """Return tasks by name.

    Raises:
        DuplicateTask: two functions have the same task name.
    """
    found: dict[str, TaskDefinition[..., Any]] = {}
    for task in tasks.values() if isinstance(tasks, Mapping) else tasks:
        known = found.setdefault(task.name, task)
        if known.function is not task.function:
            raise DuplicateTask(
                f"Expected one function per task name, but {known.where} and {task.where} are both named {task.name}; "
                "give one of them another name"
            )
    return found


def queues_of(apps: Apps, execution: ExecutionSettings) -> list[str]:
    """Return the queues that a worker serves: what its tasks and graphs name, the default, and those that are set."""
    queues = {DEFAULT_QUEUE: None} | {task.queue: None for task in apps.tasks.values()}
    for loaded in apps.graphs.values():
        graph = loaded.graph
        for node in (*graph.nodes, *([graph.on_exit] if graph.on_exit else [])):
            if isinstance(node.queue, str):
                queues[node.queue] = None
    return list(queues | dict.fromkeys(named_numbers(execution.queues, "queues")))


def offers_by_shard(
    tasks: Mapping[str, TaskDefinition[..., Any]],
    queues: Iterable[str],
    slots: int,
    dispatcher_shards: int,
    slots_of: Mapping[str, int] | None = None,
) -> dict[int, list[QueueOffer]]:
    """Return what each dispatcher shard is offered: every task on every queue, since a graph chooses a task's queue.

    `slots_of` are the slots of some queues; the others, and those with 0, have `slots`.
    """
    offers: dict[int, list[QueueOffer]] = {}
    versions = {name: task.version for name, task in sorted(tasks.items()) if task.version != UNVERSIONED}
    for queue in queues:
        own = (slots_of or {}).get(queue, 0)
        offer = QueueOffer(queue=queue, slots=own or slots, tasks=sorted(tasks), versions=versions)
        offers.setdefault(shard_of(queue, dispatcher_shards), []).append(offer)
    return offers
