"""Load documents in a test."""

from __future__ import annotations

from typing import Any

from headrace.engine.graph import InvalidDefinition, Problem, load_graph

CENSUS = """\
apiVersion: headrace/v1
name: census
resources: {parser: {capacity: 8}}
defaults: {queue: census}
timeout: 1h
tasks:
  list:    {task: list_packages, input: {root: "{% $input.root %}"}}
  measure:
    task: measure
    needs: [list]
    run_if: all_succeeded
    when: "{% $count($tasks.list.output) > 0 %}"
    foreach: "{% $tasks.list.output %}"
    concurrency: 16
    tolerate: 0
    input: {package: "{% $item %}"}
    retry: {schedule: [5m, 10m]}
    timeout: 1h
    heartbeat: 30s
    priority: 5
    significant: false
    resource: {name: parser, units: 1}
  report:  {task: report, needs: [measure], input: {rows: "{% $tasks.measure.output %}"}}
on_exit: {task: tidy_up}
output: "{% $tasks.report.output %}"
"""


def problems(document: Any) -> tuple[Problem, ...]:
    """Return what is wrong with a document; nothing when it loads."""
    try:
        load_graph(document, source="w.yaml")
    except InvalidDefinition as error:
        return error.problems
    return ()


def yaml(tasks: str = "  a: {task: t}\n", head: str = "") -> str:
    """Return a document with these tasks (from line 4) and these further lines after them."""
    return f"apiVersion: headrace/v1\nname: w\ntasks:\n{tasks}{head}"
