"""A bank as a process of its own: `python -m tests.support.bank_service`, with the settings in the environment."""

from __future__ import annotations

import logging
from contextlib import suppress

from headrace.runtime.health import ready
from headrace.runtime.settings import Settings
from headrace.runtime.shutdown import stop_event
from headrace.shard.ports import LogAway
from headrace.shard.service import run_shards
from headrace.shard.topics import ensure_topics
from tests.support.bank import bank_role

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings, stop = Settings.load(), stop_event()
    with suppress(LogAway):  # told to stop while Kafka was away
        run_shards(settings, bank_role(), ensure_topics(settings, stop=stop), ready, stop)
