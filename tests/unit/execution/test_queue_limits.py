"""Limits of queues, as somebody types them."""

from __future__ import annotations

import pytest

from headrace.runtime.settings import InvalidSettings
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.queue_limits import parse_queue_limits


def test_each_queue_has_its_limits() -> None:
    assert parse_queue_limits("mail: at_once=5 rate=100/1m; reports:at_once=2 ;") == (
        QueueLimit(queue="mail", at_once=5, per_period=100, period_ms=60_000),
        QueueLimit(queue="reports", at_once=2),
    )
    assert parse_queue_limits("  ") == ()
    assert parse_queue_limits("mail: backlog=10; news: backlog=20 when_full=refuse") == (
        QueueLimit(queue="mail", backlog=10, when_full="wait"),
        QueueLimit(queue="news", backlog=20, when_full="refuse"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mail", "Expected queues such as"),
        ("mail:", "Expected queues such as"),
        (": at_once=5", "Expected queues such as"),
        ("mail: at_once=0", "queue mail: Expected an integer from 1"),
        ("mail: at_once=some", "queue mail: Expected an integer from 1"),
        ("mail: rate=5", "queue mail: Expected a rate"),
        ("mail: slots=5", "backlog or when_full=wait.refuse, but found 'slots=5'"),
        ("mail: backlog=0", "queue mail: Expected backlog from 1"),
        ("mail: backlog=-1", "queue mail: Expected backlog from 1"),
        ("mail: backlog=5 when_full=burst", "when_full=wait.refuse, but found 'when_full=burst'"),
        ("mail: when_full=refuse", "Expected backlog beside when_full=refuse"),
        ("mail: at_once=1; mail: at_once=2", "mail stands there again"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidSettings, match=message):
        parse_queue_limits(text)
