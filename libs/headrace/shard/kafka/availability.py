"""Says once that Kafka is away, and once that it is back; shared by all clients of a process."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaError

from headrace.shard.kafka.error_codes import ALL_BROKERS_DOWN, NOT_ADMITTED

_log = logging.getLogger("headrace.kafka")
# Clients find out one by one, and reconnect one by one: until nobody has complained for so long, Kafka is not back.
_STEADY_S = 3.0


class Availability:
    """Whether the brokers answer, as far as the clients have noticed."""

    def __init__(self, address: str) -> None:
        """Begin with an answering cluster; `address` is for people."""
        self._address = address
        self._away = False
        self._complained_at = 0.0

    @property
    def away(self) -> bool:
        """Tell whether no broker answered last."""
        return self._away

    def failed(self, error: KafkaError) -> None:
        """Take what a client reports. Only the loss of all brokers counts: of one alone librdkafka takes care."""
        if error.code() == ALL_BROKERS_DOWN:
            self.lost(error.str())
        elif error.code() in NOT_ADMITTED:
            self.lost(f"{error.str()}; check the HEADRACE_KAFKA_CONFIG_* settings for SASL and TLS")

    def lost(self, reason: str) -> None:
        """Say that Kafka is away, once."""
        self._complained_at = time.monotonic()
        if not self._away:
            self._away = True
            _log.warning("Kafka at %s does not answer: %s. Waiting; nothing is lost", self._address, reason)

    def answered(self) -> None:
        """Say that Kafka is back, if it was away and nobody has complained since."""
        if self._away and time.monotonic() - self._complained_at > _STEADY_S:
            self._away = False
            _log.warning("Kafka at %s answers again; going on", self._address)
