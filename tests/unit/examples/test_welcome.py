"""The welcome example, in memory: weeks pass in no time."""

from __future__ import annotations

from examples.welcome import welcome
from headrace.contracts.record_events import WorkflowContinued
from headrace.testing import run_workflow, start_workflow


def test_all_mails_are_sent_to_who_does_nothing() -> None:
    run = run_workflow(welcome.welcome, {"user": "ada"})
    assert run.status == "SUCCEEDED", run.cause
    assert run.output == {"sent": ["welcome", "first-steps", "tips", "success-stories", "offer"], "done": []}


def test_what_the_user_does_decides() -> None:
    with start_workflow(welcome.welcome, {"user": "ada"}) as run:
        run.advance("1d")
        run.signal("reaction", "opened")
        run.signal("reaction", "asked for more")
        run.advance("1h")
        run.signal("reaction", "bought")
        assert run.result.output == {
            "sent": ["welcome", "first-steps", "thank-you"],
            "done": ["opened", "asked for more", "bought"],
        }
    with start_workflow(welcome.welcome, {"user": "ada"}) as run:
        run.advance("3d")
        run.signal("reaction", "unsubscribed")
        assert run.result.output == {"sent": ["welcome", "first-steps"], "done": ["unsubscribed"]}


def test_ten_years_of_digests_stay_small() -> None:
    with start_workflow(welcome.digest, "ada") as run:
        run.advance("3653d")
        assert run.status == "RUNNING"
        run.signal("unsubscribe")
        assert run.result.output == 521
        continued = [event for event in run.events if isinstance(event, WorkflowContinued)]
        assert len(continued) >= 5
