"""The web page in a real browser: schedules."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser import in_a_browser
from tests.support.schedule_events import SCHEDULE, begun, fired, made
from tests.support.status_world import StatusWorld

pytestmark = in_a_browser


def test_the_page_shows_schedules_and_leads_to_their_runs(world: StatusWorld, page: Page) -> None:
    world.workflow(
        made(), fired(), begun(), made(schedule_id="late", paused=True, spec={"cron": "", "every_ms": 60_000})
    )
    world.project()
    page.goto("/#/schedules")
    table = page.get_by_role("table", name="Schedules")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table).to_contain_text("every 1 min")
    expect(table).to_contain_text("paused")
    table.get_by_role("link", name=SCHEDULE).click()
    expect(page.get_by_role("heading", name=SCHEDULE)).to_be_visible()
    expect(page.get_by_role("list", name="Next times").get_by_role("listitem")).to_have_count(5)
    page.get_by_text("Commands").click()
    expect(page.get_by_text(f"headrace schedule pause {SCHEDULE}")).to_be_visible()
    page.get_by_role("table", name="Last runs").get_by_role("link", name="billing-1").click()
    expect(page.get_by_role("heading", name="billing-1")).to_be_visible()
    expect(page.get_by_role("link", name=SCHEDULE, exact=True)).to_have_attribute("href", f"#/schedules/{SCHEDULE}")
