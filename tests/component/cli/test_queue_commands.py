"""`headrace queues` with a real Kafka and a prepared read API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_commands import SetCanary
from headrace.contracts.partition import shard_of
from headrace.runtime.settings import Settings
from tests.support.prepared import Outcome, Prepared

Command = Callable[..., Outcome]
MAIL: dict[str, Any] = {
    "name": "mail",
    "waiting": 3,
    "held": 2,
    "running": 1,
    "unserved": 0,
    "backlog": 3,
    "when_full": "wait",
    "full_since": "2026-11-21T10:00:00.000Z",
    "at_once": 9,
    "per_period": None,
    "period_ms": None,
    "canaries": [],
    "fairness": [],
    "workers": 1,
    "slots": 4,
}
CANARY = {"task": "send", "version": "1.4", "share": 0.1, "issued_by": "ann", "since": "2026-11-21T10:00:00.000Z"}


def page(*rows: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"items": list(rows), "next_cursor": None}


def sent(settings: Settings) -> list[tuple[int, SetCanary]]:
    """Return the canaries on `worker.reports`, with their partitions."""
    topic = f"{settings.namespace}.worker.reports"
    consumer = Consumer(settings.client_config(group_id="test", enable_auto_commit=False))
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        found = []
        for number in partitions:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
            consumer.assign([TopicPartition(topic, number, 0)])
            for _ in range(end):
                record = consumer.poll(20)
                assert record is not None
                message = Codec().decode(record.value())
                assert isinstance(message, SetCanary)
                found.append((number, message))
        return found
    finally:
        consumer.close()


def test_queues_are_shown_with_limits_and_canaries(prepared: Prepared, command: Command) -> None:
    prepared.answers = [page({**MAIL, "canaries": [CANARY]}), page(MAIL)]
    code, out, _ = command("queues")
    assert code == 0
    assert "backlog=3 when_full=wait at_once=9" in out
    assert "10% of send to 1.4" in out
    code, out, _ = command("queues", "--json")
    assert (code, json.loads(out)) == (0, [MAIL])


def test_a_canary_is_set_and_taken_back_on_the_partition_of_its_queue(
    prepared: Prepared, command: Command, settings: Settings
) -> None:
    prepared.answers = [page(MAIL), page({**MAIL, "canaries": [CANARY]})]
    code, out, err = command("queues", "canary", "mail", "send", "1.4", "--share", "10%")
    assert (code, err) == (0, "")
    assert out == "10% of send on queue mail go to version 1.4\n"
    prepared.answers = [page({**MAIL, "canaries": [CANARY]}), page(MAIL)]
    code, out, _ = command("queues", "canary", "mail", "send", "--off", "--json")
    assert (code, json.loads(out)["share"]) == (0, 0)
    (first, share), (second, back) = sent(settings)
    assert first == second == shard_of("mail", settings.dispatcher_shards)
    assert (share.task, share.version, share.share) == ("send", "1.4", 0.1)
    assert (back.task, back.version, back.share) == ("send", "", 0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("1.4", "--share", "10"), "such as 10%, but found '10'"),
        (("1.4", "--share", "0%"), "above 0%"),
        (("1.4", "--share", "x%"), "such as 10%"),
        (("1.4",), "Expected VERSION and --share, or --off"),
        (("1.4", "--share", "10%", "--off"), "Expected VERSION and --share, or --off"),
        (("latest", "--share", "10%"), "Expected a version such as"),
    ],
)
def test_what_is_no_canary_is_exit_2(
    prepared: Prepared, command: Command, arguments: tuple[str, ...], text: str
) -> None:
    code, out, err = command("queues", "canary", "mail", "send", *arguments)
    assert (code, out) == (2, "")
    assert text in err
