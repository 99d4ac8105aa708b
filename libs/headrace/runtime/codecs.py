"""The codec that the settings ask for."""

from __future__ import annotations

from headrace.contracts.codec import Codec
from headrace.runtime.settings import Settings


def codec_for(settings: Settings) -> Codec:
    """Return a codec whose schema ids come from the schema registry, where one is configured, else from the
    checked-in file.
    """
    if not settings.schema_registry:
        return Codec()
    from headrace.contracts.schema_registry import RegistryIds

    return Codec(RegistryIds(settings.schema_registry, namespace=settings.namespace))
