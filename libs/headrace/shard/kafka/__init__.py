"""The shard's ports on Kafka, by librdkafka."""

from headrace.shard.kafka.log import KafkaLog
from headrace.shard.kafka.membership import KafkaMembership

__all__ = ["KafkaLog", "KafkaMembership"]
