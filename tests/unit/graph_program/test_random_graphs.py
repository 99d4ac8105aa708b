"""Random graphs in random orders against a plain model of what must happen."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.kernel.requests import CancelStep, RunTask, Skip
from tests.unit.graph_program.driver import Driver, Failed, graph

RUN_IFS = ("all_succeeded", "none_failed", "all_done", "any_failed")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Return the tasks of an acyclic graph; `task` says how each goes if it runs."""
    tasks: dict[str, dict[str, Any]] = {}
    for at in range(draw(st.integers(1, 8))):
        needs = draw(st.lists(st.sampled_from(sorted(tasks)), unique=True, max_size=3)) if tasks else []
        run_if = draw(st.sampled_from(RUN_IFS if needs else RUN_IFS[:3]))
        task: dict[str, Any] = {
            "task": draw(st.sampled_from(("good", "good", "bad"))),
            "needs": needs,
            "run_if": run_if,
        }
        if draw(st.integers(0, 4)) == 0:
            task["when"] = False
        if draw(st.integers(0, 3)) == 0:
            task["significant"] = False
        tasks[f"t{at}"] = task
    return tasks


def expected(tasks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the status of each task, by the sentences of the interface."""
    result: dict[str, str] = {}
    for name, task in tasks.items():
        seen = []
        for need in task["needs"]:
            succeeded = result[need] == "SUCCEEDED"
            minor = not tasks[need].get("significant", True)
            seen.append("ok" if succeeded else "skipped" if minor or result[need] == "SKIPPED" else "failed")
        failed, skipped = "failed" in seen, "skipped" in seen
        match task["run_if"]:
            case "all_succeeded":
                verdict = "UPSTREAM_FAILED" if failed else "SKIPPED" if skipped else ""
            case "none_failed":
                verdict = "UPSTREAM_FAILED" if failed else ""
            case "all_done":
                verdict = ""
            case _:
                verdict = "" if failed else "SKIPPED"
        if not verdict and task.get("when") is False:
            verdict = "SKIPPED"
        result[name] = verdict or ("SUCCEEDED" if task["task"] == "good" else "FAILED")
    return result


def bad(_: Any) -> Any:
    raise Failed("ValueError", "bad")


@given(tasks=documents(), seed=st.integers(0, 999))
def test_a_random_graph(tasks: dict[str, dict[str, Any]], seed: int) -> None:
    document = graph(tasks, output={name: f"{{% $tasks.{name}.status %}}" for name in tasks})
    run = Driver(document, {"bad": bad}, seed=seed).run()
    statuses = expected(tasks)
    assert run.done
    ran = {name for name, status in statuses.items() if status in ("SUCCEEDED", "FAILED")}
    assert {node for node, _ in run.asked(RunTask)} == ran
    assert run.skips() == {name: status for name, status in statuses.items() if name not in ran}
    if any(status == "FAILED" and tasks[name].get("significant", True) for name, status in statuses.items()):
        assert run.error[0] == "ValueError"
    else:
        assert run.output == statuses


@given(tasks=documents(), seed=st.integers(0, 999), after=st.integers(0, 6))
def test_a_random_graph_that_is_asked_to_end(tasks: dict[str, dict[str, Any]], seed: int, after: int) -> None:
    run = Driver(graph(tasks, on_exit={"task": "good"}), {"bad": bad}, seed=seed)
    for _ in range(after):
        if run.done or not run.open:
            break
        step = run.random.choice(list(run.open))
        run.end(step, run.outcome_of(run.open[step]))
    if run.done:
        return
    was_exiting = ("on_exit", -1) in run.asked(RunTask)
    open_before = [(request.node, request.index) for request in run.open.values()]
    run.cancel()
    if was_exiting:
        assert not run.asked(CancelStep)
    else:
        assert run.asked(CancelStep) == open_before
    assert [request.node for request in run.open.values()] == ["on_exit"]
    requests = len(run.requests)
    run.run()
    assert run.error == ("Cancelled", "asked")
    assert not [request for request in run.requests[requests:] if not isinstance(request, Skip)]
