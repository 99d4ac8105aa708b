"""A read model for each test, and its read API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.servers import Database
from tests.support.status_server import serving
from tests.support.status_world import StatusWorld


@pytest.fixture
def world(postgres: Database) -> StatusWorld:
    """An empty read model and empty topics."""
    return StatusWorld(postgres.owner, postgres.reader)


@pytest.fixture
def api(world: StatusWorld) -> Iterator[httpx.Client]:
    """The read API over that read model; the board is `world.board`."""
    with serving(world) as address, httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
