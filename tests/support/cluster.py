"""Kafka for tests that break it: one broker, or three that replicate to one another, each a process of its own.

One broker has an fsync for every append, as the local stack has. Three have replication factor 3, two replicas in sync
at least, no unclean election, and no fsync: what a majority has acknowledged survives the death of any one of them.
Every broker is a controller, too, so a killed one may take the controller with it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from headrace.local.jars import ensure_jars
from headrace.local.kafka import KafkaOptions, kafka_child, new_cluster_id, prepare_kafka
from headrace.local.ports import LOOPBACK, choose_port
from headrace.local.process import ChildSpec
from headrace.local.settings import Durability, LocalSettings
from headrace.local.state import StateDir

_PROBE_S = 1.0
# Replicas of what one broker could keep alone, so that any broker may die.
_REPLICATED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    # Followers of the controller tell by these records that they keep up; one broker needs none.
    "metadata.max.idle.interval.ms": "500",
    # A follower that is gone must not hold up acknowledgements for the default of 30 s.
    "replica.lag.time.max.ms": "5000",
}


class Cluster:
    """One or three prepared brokers; whoever runs processes starts their `specs`."""

    def __init__(self, folder: Path, *, brokers: int = 1, heap_mb: int = 400, durability: Durability = "fsync") -> None:
        assert brokers in (1, 3), f"Expected 1 or 3 brokers, but {brokers}"
        self.brokers = brokers
        jars = ensure_jars(LocalSettings().cache_path, say=lambda _: None)
        cluster_id = new_cluster_id()
        ports = [(choose_port(), choose_port()) for _ in range(brokers)]
        voters = ",".join(f"{number}@{LOOPBACK}:{controller}" for number, (_, controller) in enumerate(ports, start=1))
        self.specs: dict[str, ChildSpec] = {}
        self.addresses: dict[str, str] = {}
        for number, (port, controller_port) in enumerate(ports, start=1):
            name = "kafka" if brokers == 1 else f"kafka-{number}"
            state = StateDir(folder / name)
            state.create()
            options = KafkaOptions(
                home=state.kafka,
                log_path=state.log(name),
                jars=jars,
                port=port,
                controller_port=controller_port,
                durability=durability if brokers == 1 else "page-cache",
                heap_mb=heap_mb,
                cluster_id=cluster_id,
                properties={
                    "node.id": str(number),
                    "controller.quorum.voters": voters,
                    **(_REPLICATED if brokers > 1 else {}),
                },
            )
            prepare_kafka(options)
            self.specs[name] = replace(kafka_child(options), name=name)
            self.addresses[name] = options.bootstrap

    @property
    def bootstrap(self) -> str:
        """The addresses of all brokers."""
        return ",".join(self.addresses.values())

    @property
    def replication_factor(self) -> int:
        return self.brokers

    def is_up(self, brokers: int | None = None) -> bool:
        """Tell whether there is a controller and so many brokers (by default all) are in."""
        try:
            metadata = self._admin().list_topics(timeout=_PROBE_S)
        except KafkaException:
            return False
        return metadata.controller_id >= 0 and len(metadata.brokers) >= (brokers or self.brokers)

    def in_sync(self) -> bool:
        """Tell whether every partition has all of its replicas in sync, so that another broker may die."""
        try:
            metadata = self._admin().list_topics(timeout=_PROBE_S)
        except KafkaException:
            return False
        partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
        return len(metadata.brokers) == self.brokers and all(
            p.leader >= 0 and len(p.isrs) == len(p.replicas) for p in partitions
        )

    def parts_of_group(self, group: str) -> list[set[int]] | None:
        """Return which partitions each member of a group has; None while the group is between two assignments."""
        admin = self._admin()  # Kept: an answer does not come to a client that is gone.
        try:
            found = admin.describe_consumer_groups([group], request_timeout=5.0)[group].result(10.0)
        except KafkaException:
            return None
        if found.state is not ConsumerGroupState.STABLE:
            return None
        return [{where.partition for where in member.assignment.topic_partitions} for member in found.members]

    def leads_most(self, topics: set[str]) -> str:
        """Return the broker that leads the most partitions of some topics (full names)."""
        metadata = self._admin().list_topics(timeout=10)
        leaders = [p.leader for name in topics for p in metadata.topics[name].partitions.values()]
        most = max(sorted(set(leaders)), key=leaders.count)
        return "kafka" if self.brokers == 1 else f"kafka-{most}"

    def wait(self, timeout_s: float = 120.0) -> None:
        """Return when all brokers are in."""
        deadline = time.monotonic() + timeout_s
        while not self.is_up():
            assert time.monotonic() < deadline, f"Expected {self.brokers} brokers within {timeout_s} s, but no"
            time.sleep(0.05)

    def _admin(self) -> AdminClient:
        # A new client each time: one that has been told of brokers keeps asking those that are dead.
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
