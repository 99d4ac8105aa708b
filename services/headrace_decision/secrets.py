"""What the tokens of callbacks are signed with: the same for all decision processes of a namespace."""

from __future__ import annotations

from hashlib import blake2b

from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL


def callback_secrets(setting: str, namespace: NamespaceSettings) -> list[bytes]:
    """Return the secrets of a setting, the one that signs first.

    Without any, the ids that Kafka gave the namespace's topics stand for one: they are random, recorded when the
    namespace was made and checked at every start, so all processes agree, and only who can reach Kafka knows them, who
    could write any command without a token.
    """
    given = [secret.strip().encode() for secret in setting.split(",") if secret.strip()]
    if given:
        return given
    made = [namespace.topic_ids.get(topic, "") for topic in (WORKFLOW_COMMANDS, WORKFLOW_JOURNAL)]
    return [blake2b("\n".join([*made, str(namespace.made_at)]).encode(), person=b"headrace-tokens").digest()]
