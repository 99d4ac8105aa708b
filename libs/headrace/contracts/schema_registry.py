"""Schema ids from a Confluent-compatible schema registry.

A schema is registered under the subject `<namespace>-headrace.v1.<Name>` (the record name strategy, with our
namespace of topics before it, since one topic of ours carries many types). Both directions are cached for good: a
registry never changes what an id stands for.
"""

from __future__ import annotations

import json
from typing import Any

import fastavro
import httpx

from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.schemas import NAMESPACE, self_contained

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
# A registry answers in milliseconds; a service that starts while it restarts is worth a few more.
TIMEOUT_S = 10.0


class RegistryError(ConnectionError):
    """The schema registry cannot be reached or refuses a schema; the text says which and why."""


class RegistryIds:
    """Schema ids from a registry (`headrace.contracts.codec.SchemaIds`); schemas that it lacks are registered."""

    def __init__(self, url: str, *, namespace: str = "headrace", timeout_s: float = TIMEOUT_S) -> None:
        self._namespace = namespace
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=timeout_s)
        self._url = url
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, tuple[str, Any]] = {}

    def id_of(self, name: str) -> int:
        """Return the id under which messages of this type are written.

        Raises:
            RegistryError: the registry is away, or refuses the schema as incompatible.
        """
        found = self._ids.get(name)
        if found is None:
            subject = f"{self._namespace}-{NAMESPACE}.{name}"
            body = {"schema": json.dumps(self_contained(name)), "schemaType": "AVRO"}
            answer = self._ask("POST", f"/subjects/{subject}/versions", body)
            found = self._ids[name] = int(answer["id"])
        return found

    def schema_of(self, schema_id: int) -> tuple[str, Any]:
        """Return the message type and the parsed schema that an id stands for.

        Raises:
            KeyError: the registry does not know the id, or the schema is none of ours.
            RegistryError: the registry is away.
        """
        found = self._schemas.get(schema_id)
        if found is None:
            answer = self._ask("GET", f"/schemas/ids/{schema_id}", None)
            schema = json.loads(answer["schema"])
            name = _message_name(schema)
            if name is None:
                raise KeyError(schema_id)
            found = self._schemas[schema_id] = name, fastavro.parse_schema(schema)
        return found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> Any:
        try:
            answer = self._client.request(method, path, json=body, headers={"Content-Type": _MEDIA_TYPE})
        except httpx.HTTPError as error:
            raise RegistryError(f"Expected the schema registry at {self._url} to answer, but {error!r}") from error
        if answer.status_code == httpx.codes.NOT_FOUND and method == "GET":
            raise KeyError(path.rpartition("/")[2])
        if answer.status_code != httpx.codes.OK:
            raise RegistryError(
                f"Expected the schema registry at {self._url} to take {method} {path}, but it answered "
                f"{answer.status_code}: {answer.text[:500]}"
            )
        return answer.json()


def _message_name(schema: Any) -> str | None:
    if not isinstance(schema, dict) or schema.get("namespace") != NAMESPACE:
        return None
    name = schema.get("name")
    return name if name in MESSAGE_TYPES else None
