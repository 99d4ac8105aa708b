"""What waits in a bucket, whatever was asked of it in between."""

from __future__ import annotations

from headrace_execution.dispatcher.queues import Attempt, Bucket
from tests.unit.execution.dispatcher_shard import scheduled


def test_an_attempt_that_must_run_alone_is_no_head_even_if_it_waited_before_without() -> None:
    """A live shard has asked for the head in between, and a replay has not: both must say the same afterwards."""
    heads = []
    for asks in (True, False):
        bucket = Bucket()
        attempt = Attempt(key=("run", 0, 1), task=scheduled(), shard=0, arrival=1, losses=0)
        bucket.put(attempt)
        bucket.remove(attempt)
        if asks:
            assert bucket.head() is None
        attempt.alone = True
        bucket.put(attempt)
        heads.append(bucket.head())
    assert heads == [None, None]
