"""What all parts of the service share."""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import topic_specs
from headrace.payloads.sealing import Sealing
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.topics import partitions_of, with_recorded


class ServiceContext(msgspec.Struct, frozen=True, kw_only=True):
    """Settings, what was recorded when the namespace was made, and what else there is one of in the process."""

    settings: Settings
    namespace: NamespaceSettings
    codec: Codec
    process: str
    availability: Availability
    limits: ListenerSettings
    sealing: Sealing = msgspec.field(default_factory=Sealing)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic of the namespace has, by its name without the namespace."""
        return partitions_of(topic_specs()[topic], with_recorded(self.settings, self.namespace))
