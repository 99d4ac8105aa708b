"""A read model for each test."""

from __future__ import annotations

import pytest

from tests.support.servers import Database
from tests.support.status_world import StatusWorld


@pytest.fixture
def world(postgres: Database) -> StatusWorld:
    """An empty read model and empty topics."""
    return StatusWorld(postgres.owner, postgres.reader)
