"""The web page in a real browser: queues."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser import in_a_browser
from tests.support.queue_events import fill
from tests.support.status_world import StatusWorld

pytestmark = in_a_browser


def test_the_page_shows_limits_fullness_canaries_and_fairness(world: StatusWorld, page: Page) -> None:
    fill(world)
    page.goto("/#/system")
    table = page.get_by_role("table", name="Queues")
    row = table.get_by_role("row").nth(1)
    expect(row).to_contain_text("3 may wait, more is held back")
    expect(row).to_contain_text("9 at once")
    expect(row).to_contain_text("100 in 1 min")
    expect(row).to_contain_text("full")
    expect(row).to_contain_text("12.5 % of send to version 2.0")
    expect(row).to_contain_text("ant 2")
    expect(page.get_by_role("table", name="Workers")).to_contain_text("send 1.4, tidy")
