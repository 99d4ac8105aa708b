"""What tokens of callbacks are signed with: given, or derived from what the namespace's topics were made with."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.callback_tokens import InvalidToken
from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.engine.tokens import Tokens
from headrace_decision.secrets import callback_secrets

NAMESPACE = NamespaceSettings(
    decision_shards=1,
    dispatcher_shards=1,
    resource_shards=1,
    made_at=17,
    topic_ids={WORKFLOW_COMMANDS: "id-of-commands", WORKFLOW_JOURNAL: "id-of-journal"},
)


def test_all_processes_of_a_namespace_agree() -> None:
    token = Tokens(*callback_secrets("", NAMESPACE)).mint("w", "r", 1)
    again = msgspec.structs.replace(NAMESPACE, topic_ids=dict(reversed(NAMESPACE.topic_ids.items())))
    assert Tokens(*callback_secrets("", again)).read(token).step == 1


@pytest.mark.parametrize("topic", [WORKFLOW_COMMANDS, WORKFLOW_JOURNAL])
def test_another_namespace_makes_other_tokens(topic: str) -> None:
    other = msgspec.structs.replace(NAMESPACE, topic_ids={**NAMESPACE.topic_ids, topic: "another"})
    token = Tokens(*callback_secrets("", NAMESPACE)).mint("w", "r", 1)
    with pytest.raises(InvalidToken):
        Tokens(*callback_secrets("", other)).read(token)


def test_a_setting_takes_the_place_of_the_ids() -> None:
    assert callback_secrets(" new , old,", NAMESPACE) == [b"new", b"old"]
