"""A bank as a process of its own: `python -m tests.support.bank_service`, with the settings in the environment."""

from __future__ import annotations

import logging

from headrace.runtime.health import ready
from headrace.runtime.settings import Settings
from headrace.runtime.shutdown import stop_event
from headrace.shard.service import run_shards
from tests.support.bank import bank_role

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    run_shards(Settings.load(), bank_role(), ready, stop_event())
