"""The web page in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from headrace.contracts import topics
from headrace.contracts.definitions import Definition
from headrace.contracts.log_lines import LogLine
from headrace.contracts.workflow_events import WorkflowFailed
from tests.support.browser import in_a_browser
from tests.support.status_events import ID, RUN, T0, assigned, done, failed, scheduled, started, succeeded
from tests.support.status_world import StatusWorld

GRAPH = (
    b'{"tasks":{"n0":{"task":"list"},"n1":{"task":"measure","needs":["n0"],"foreach":"{% $x '
    b'%}"},"n2":{"task":"report","needs":["n1"]}}}'
)
EVIL = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
pytestmark = in_a_browser


def test_the_list_shows_filters_and_refreshes(world: StatusWorld, page: Page) -> None:
    world.workflow(started("a", "0-1"), started("b", "0-2", at=T0 + 1), succeeded("a", "0-1"))
    world.project()
    page.goto("/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("running")
    world.workflow(succeeded("b", "0-2"))
    world.project()
    expect(rows.first).to_contain_text("succeeded")
    page.get_by_role("button", name="running").click()
    expect(page.get_by_text("No workflow matches these filters.")).to_be_visible()
    expect(page).to_have_url("/#/workflows?status=RUNNING")
    page.get_by_role("button", name="running").click()
    page.get_by_label("Where").fill("id = 'a'")
    expect(rows).to_have_count(1)


def test_the_graph_lives(world: StatusWorld, page: Page) -> None:
    world.plain(
        topics.DEFINITIONS, Definition(name="census", version="v1", program="graph", source=GRAPH, deployed_at=T0)
    )
    world.workflow(started(), scheduled(0))
    world.task(assigned(0))
    world.project()
    page.goto(f"/#/workflows/{ID}")
    node = page.locator(".node")
    expect(node).to_have_count(3)
    expect(page.locator(".edge")).to_have_count(2)
    expect(node.nth(0)).to_have_attribute("data-status", "RUNNING")
    expect(node.nth(2)).to_have_attribute("data-status", "WAITING")
    world.workflow(done(0), scheduled(1, index=0), scheduled(2, node="n1", index=1), done(1))
    world.project()
    expect(node.nth(0)).to_have_attribute("data-status", "SUCCEEDED")
    expect(node.nth(1)).to_contain_text("1/2")
    node.nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary")).to_contain_text("n1")
    world.workflow(WorkflowFailed(workflow_id=ID, run_id=RUN, error="ValueError", cause="no such package", at=T0 + 9))
    world.project()
    expect(page.locator(".notice.error").first).to_contain_text("no such package")


def test_tabs_by_keyboard(world: StatusWorld, page: Page) -> None:
    world.workflow(
        started(),
        scheduled(0),
        failed(0, cause="boom", retry_at=T0 + 1),
        scheduled(0, attempt=2),
        done(0, attempt=2),
        succeeded(),
    )
    line = LogLine(at=T0, level="error", service="worker", source="w", workflow_id=ID, message="something <b>bold</b>")
    world.plain(topics.LOGS, line)
    world.project()
    page.goto(f"/#/workflows/{ID}")
    page.get_by_role("tab", name="Graph").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Tasks")).to_have_attribute("aria-selected", "true")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Show every attempt").check()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="n0").first.click()
    expect(page.locator(".opened .cause")).to_have_text("boom")
    page.goto(f"/#/workflows/{ID}/history")
    expect(page.locator(".event")).to_have_text(
        ["WorkflowStarted", "TaskScheduled", "TaskScheduled", "TaskFailed", "TaskSucceeded", "WorkflowSucceeded"]
    )
    page.goto(f"/#/workflows/{ID}/logs")
    expect(page.locator(".message")).to_have_text("something <b>bold</b>")
    page.goto(f"/#/workflows/{ID}/data")
    expect(page.locator("pre").first).to_contain_text('"root": "/usr"')
    page.get_by_text("Commands").click()
    expect(page.locator(".commands code")).to_have_text([f"headrace get {ID} --json"])


def test_lines_of_tasks_and_services_and_their_filters(world: StatusWorld, page: Page) -> None:
    world.workflow(started(), scheduled(0), succeeded())
    who = {"workflow_id": ID, "run_id": RUN, "step": 0, "attempt": 2, "task": "measure", "node": "n0", "index": 4}
    world.plain(topics.LOGS, LogLine(at=T0, level="output", service="worker", source="w-1", message="printed", **who))
    about = LogLine(
        at=T0 + 1,
        level="warning",
        service="decision",
        source="box-7",
        workflow_id=ID,
        message="it waits",
        fields='{"exception":"Traceback: boom"}',
    )
    world.plain(topics.LOGS, about)
    world.project()
    page.goto(f"/#/workflows/{ID}/logs")
    rows = page.locator("tr.log")
    expect(rows).to_have_count(2)
    for text in ("n0 [4]", "w-1, attempt 2", "printed"):
        expect(rows.nth(0)).to_contain_text(text)
    for text in ("decision", "box-7", "it waits", "Traceback: boom"):
        expect(rows.nth(1)).to_contain_text(text)
    page.get_by_label("Text").fill("WAITS")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("it waits")
    page.get_by_label("Text").fill("")
    page.get_by_label("Level").select_option("output")
    expect(rows).to_contain_text(["printed"])
    page.get_by_label("From").select_option("listener")
    expect(page.get_by_text("No line:")).to_be_visible()


def test_nothing_that_users_write_becomes_markup(world: StatusWorld, page: Page) -> None:
    quoted = b'"' + EVIL.replace('"', '\\"').encode() + b'"'
    world.workflow(
        started(EVIL, "0-1", name=EVIL, input=quoted),
        scheduled(0, EVIL, "0-1", node=EVIL, task=EVIL, queue=EVIL),
        failed(0, EVIL, "0-1", node=EVIL, error=EVIL, cause=EVIL),
        WorkflowFailed(workflow_id=EVIL, run_id="0-1", error=EVIL, cause=EVIL, at=T0),
    )
    world.plain(topics.LOGS, LogLine(at=T0, level=EVIL, service="worker", source="w", workflow_id=EVIL, message=EVIL))
    world.project()
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="<img").click()
    for tab, shown in (
        ("Graph", ".node"),
        ("Tasks", "tbody tr"),
        ("History", ".event"),
        ("Input and output", "pre"),
        ("Logs", ".message"),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f"#panel {shown}").first).to_be_visible()
        assert page.locator("main img, main script").count() == 0
    assert page.title() != "taken"


def test_system_and_definitions(world: StatusWorld, page: Page) -> None:
    world.plain(
        topics.DEFINITIONS, Definition(name="census", version="v1", program="graph", source=GRAPH, deployed_at=T0)
    )
    world.workflow(started(), scheduled(0))
    world.task(assigned(0))
    world.project()
    page.goto("/#/system")
    expect(page.get_by_role("table", name="Queues")).to_contain_text("q")
    page.goto("/#/definitions")
    page.get_by_role("button", name="census").click()
    expect(page.locator("pre")).to_contain_text('"foreach"')
