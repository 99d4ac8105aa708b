"""The error codes that matter to us. librdkafka's own begin with an underscore, which looks private and is not."""

# ruff: noqa: SLF001
from __future__ import annotations

from confluent_kafka import KafkaError

END_OF_PARTITION = KafkaError._PARTITION_EOF
ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN
NOT_ADMITTED = {KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED}
OFFSET_GONE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
TOPIC_UNKNOWN = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}
NO_MEMBER = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._ASSIGNMENT_LOST,
}
"""Answers to an offset commit of a process that the group does not have, or not in this generation."""
