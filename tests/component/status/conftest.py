"""A read model for each test, and its read API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import CHROMIUM, FLAGS
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(world: StatusWorld, browser: Browser) -> Iterator[Page]:
    """A page on the read API; anything that it logs as an error fails the test."""
    problems: list[str] = []
    with serving(world) as address, browser.new_context(base_url=address) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield page
        page.close()
    assert problems == []
