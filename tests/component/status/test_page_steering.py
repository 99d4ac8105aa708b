"""The web page in a real browser: what a workflow shows of itself, and what can be done about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from headrace.contracts.child_events import ChildRequested
from headrace.contracts.control_events import StepReused, WorkflowPaused, WorkflowResumed
from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, SearchAttributesSet, WorkflowContinued
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.wait_events import (
    AttachRequested,
    CallbackHeartbeat,
    CallbackOpened,
    CommandRefused,
    SignalReceived,
)
from headrace.contracts.workflow_events import WorkflowFailed
from tests.support.browser import in_a_browser
from tests.support.status_events import ID, RUN, T0, done, scheduled, started
from tests.support.status_world import StatusWorld

pytestmark = in_a_browser
EVIL = "<img src=x onerror=\"document.title='taken'\">"
RUN_OF: dict[str, Any] = {"workflow_id": ID, "run_id": RUN}
NEXT: dict[str, Any] = {"workflow_id": ID, "run_id": f"{RUN}.1"}


def an_order() -> list[Message]:
    return [
        started(program="python", name="order"),
        scheduled(0, run_id=RUN),
        done(0, run_id=RUN),
        WorkflowContinued(**RUN_OF, next_run_id=f"{RUN}.1", input=b'{"parcels":3}', at=T0 + 50),
        SearchAttributesSet(**NEXT, step=0, attributes=b'{"customer":"c-7","total":129.5,"express":true}', at=T0 + 51),
        Published(**NEXT, step=1, name="progress", data=b'{"parcels":3,"sent":1}', at=T0 + 52),
        Published(**NEXT, step=2, name="note", data=json.dumps(EVIL).encode(), at=T0 + 53),
        done(3, run_id=f"{RUN}.1"),
        TimerStarted(**NEXT, step=4, node="reminder", due_at=T0 + 3_600_000, at=T0 + 60),
        ChildRequested(
            **NEXT, step=5, node="parcel", child_id="parcel-2", to_shard=0, name="parcel", input=b"2", at=T0 + 61
        ),
        AttachRequested(**NEXT, step=6, node="stock", target="stock-eu", to_shard=0, at=T0 + 62),
        CallbackOpened(**NEXT, step=7, node="approval", due_at=T0 + 86_400_000, at=T0 + 63),
        CallbackHeartbeat(**NEXT, step=7, at=T0 + 64),
        TimerStarted(**NEXT, step=8, node="receive", due_at=T0 + 9_000, at=T0 + 64),
        SignalReceived(**NEXT, name="paid", data=b'{"amount":129.5}', command_id="c", at=T0 + 65),
        CommandRefused(
            workflow_id=ID,
            command_id="c-2",
            command="SignalWorkflow",
            error="headrace.TooManySignals",
            cause="Expected room for a signal, but 100 wait unread",
            at=T0 + 66,
        ),
    ]


def test_what_a_workflow_shows_of_itself(world: StatusWorld, page: Page) -> None:
    world.workflow(*an_order())
    world.project()
    page.goto(f"/#/workflows/{ID}")
    expect(page.get_by_role("region", name="Attributes").locator("li")).to_have_text(
        ["customer c-7", "express true", "total 129.5"]
    )
    published = page.get_by_role("region", name="Published")
    expect(published).to_contain_text('{"parcels":3,"sent":1}')
    expect(published).to_contain_text("<img src=x onerror=")
    waits = page.get_by_role("region", name="Waits for").locator("li")
    expect(waits).to_have_count(5)
    expect(waits.nth(0)).to_contain_text("reminder · sleeps, until")
    expect(waits.nth(1)).to_have_text("parcel · child workflow parcel-2")
    expect(waits.nth(2)).to_have_text("stock · the end of stock-eu")
    expect(waits.nth(4)).to_contain_text("waits for a signal, until")
    expect(waits.nth(3)).to_contain_text("last sign of life at 2023-11-14T22:13:20+00:00")
    expect(page.locator(".facts").first).to_contain_text("once")
    expect(page.locator(".notice").first).to_contain_text("SignalWorkflow was refused and changed nothing")
    assert page.locator("main img").count() == 0
    page.goto(f"/#/workflows/{ID}/tasks")
    expect(page.get_by_role("link", name="stock-eu").last).to_have_attribute("href", "#/workflows/stock-eu")
    expect(page.locator("tbody tr")).to_have_count(6)
    page.locator("select[data-key=run]").select_option(RUN)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("n0")
    page.goto("/")
    expect(page.locator("td.id")).to_contain_text("customer: c-7, express: true, total: 129.5")
    page.get_by_label("Where").fill("search.customer = 'nobody'")
    expect(page.get_by_text("No workflow matches these filters.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paused_and_going_on(world: StatusWorld, page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    world.workflow(*an_order(), WorkflowPaused(**NEXT, reason="lunch", at=T0 + 70))
    world.project()
    page.goto(f"/#/workflows/{ID}")
    expect(page.locator(".heading .badge")).to_have_text("paused")
    expect(page.locator(".notice").filter(has_text="paused: lunch")).to_be_visible()
    expect(page.locator(".commands code")).to_have_text(
        [f"headrace {verb} {ID}" for verb in ("resume", "cancel", "terminate")] + [f"headrace get {ID} --json"]
    )
    world.workflow(WorkflowResumed(**NEXT, at=T0 + 80))
    world.project()
    expect(page.locator(".heading .badge")).to_have_text("running")
    expect(page.locator(".commands code").first).to_have_text(f"headrace signal {ID} NAME --data JSON")


def test_a_retry_shows_what_it_took_over(world: StatusWorld, page: Page) -> None:
    world.workflow(started(), WorkflowFailed(**RUN_OF, error="E", cause="c", at=T0 + 9))
    world.project()
    page.goto(f"/#/workflows/{ID}/tasks")
    page.get_by_text("Commands").click()
    expect(page.locator(".commands code").first).to_have_text(f"headrace retry {ID}")
    reused = StepReused(
        workflow_id=ID,
        run_id="0-9",
        step=0,
        node="n0",
        kind="task",
        task="measure",
        status="SUCCEEDED",
        output=b"[7]",
        from_run=RUN,
        order=0,
        position=0,
        at=T0 + 20,
    )
    world.workflow(started(run_id="0-9", attempt=2), reused)
    world.project()
    expect(page.locator(".heading .badge")).to_have_text("running")
    row = page.locator("tbody tr")
    expect(row).to_contain_text(f"taken over from run {RUN}")
    row.get_by_role("button", name="n0").click()
    expect(page.locator(".opened")).to_contain_text("Taken over from run")
