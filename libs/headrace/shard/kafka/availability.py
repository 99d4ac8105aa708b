"""Says once that Kafka is away, and once that it is back; shared by all clients of a process."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError

_log = logging.getLogger("headrace.kafka")


class Availability:
    """Whether the brokers answer, as far as the clients have noticed."""

    def __init__(self, address: str) -> None:
        """Begin with an answering cluster; `address` is for people."""
        self._address = address
        self._away = False

    @property
    def away(self) -> bool:
        """Tell whether no broker answered last."""
        return self._away

    def failed(self, error: KafkaError) -> None:
        """Take what a client reports. Only the loss of all brokers counts: of one alone librdkafka takes care."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.lost(error.str())
        elif error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED):
            self.lost(f"{error.str()}; check the HEADRACE_KAFKA_CONFIG_* settings for SASL and TLS")

    def lost(self, reason: str) -> None:
        """Say that Kafka is away, once."""
        if not self._away:
            self._away = True
            _log.warning("Kafka at %s does not answer: %s. Waiting; nothing is lost", self._address, reason)

    def answered(self) -> None:
        """Say that Kafka is back, if it was away."""
        if self._away:
            self._away = False
            _log.warning("Kafka at %s answers again; going on", self._address)
