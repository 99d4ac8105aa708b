"""What a good document becomes."""

from __future__ import annotations

import json

import pytest

from headrace.contracts.retry import RetryPolicy
from headrace.engine.expressions import Expression, Template
from headrace.engine.graph import load_graph
from headrace.engine.graph.durations import parse_duration
from headrace.engine.graph.retries import parse_retry
from tests.unit.graph.documents import CENSUS, problems, yaml


def test_the_document_of_the_interface() -> None:
    graph = load_graph(CENSUS, source="census.yaml")
    assert graph.name == "census"
    assert graph.timeout_ms == 3_600_000
    assert graph.resources == {"parser": 8}
    assert [node.name for node in graph.nodes] == ["list", "measure", "report"]
    measure = graph.node("measure")
    assert (measure.kind, measure.target, measure.queue) == ("task", "measure", "census")
    assert measure.needs == ("list",)
    assert isinstance(measure.when, Expression) and isinstance(measure.foreach, Template)
    assert (measure.concurrency, measure.tolerate, measure.priority) == (16, 0, 5)
    assert measure.retry == RetryPolicy(max_attempts=3, schedule=[300_000, 600_000])
    assert (measure.timeout_ms, measure.heartbeat_ms, measure.significant) == (3_600_000, 30_000, False)
    assert measure.resource is not None
    assert (measure.resource.name, measure.resource.units, measure.resource.capacity) == ("parser", 1, 8)
    assert graph.node("report").ancestors == {"list", "measure"}
    assert graph.on_exit is not None and graph.on_exit.target == "tidy_up"


def test_a_graph_comes_back_from_its_document() -> None:
    graph = load_graph(CENSUS, source="census.yaml")
    again = load_graph(json.loads(graph.canonical_json()), source="x")
    assert again.canonical_json() == graph.canonical_json()
    assert again.nodes == graph.nodes
    assert load_graph(graph.canonical_json(), source="x").nodes == graph.nodes


def test_a_byte_order_mark_is_no_problem() -> None:
    assert load_graph(b"\xef\xbb\xbf" + CENSUS.encode(), source="x").name == "census"


def test_nodes_stand_in_topological_order_and_else_in_the_document_s() -> None:
    tasks = "  c: {task: t, needs: [b]}\n  z: {task: t}\n  b: {task: t, needs: [a]}\n  a: {task: t}\n"
    graph = load_graph(yaml(tasks), source="x")
    assert [node.name for node in graph.nodes] == ["z", "a", "b", "c"]


def test_defaults_reach_the_tasks_that_say_nothing() -> None:
    head = "defaults: {queue: q, retry: {max_attempts: 2}, timeout: 1m, heartbeat: 5s, priority: 9, concurrency: 3}\n"
    tasks = "  a: {task: t}\n  b: {task: t, queue: own, priority: 0}\n  c: {sleep: 5m}\n  d: {task: t, foreach: [1]}\n"
    a, b, c, d = load_graph(yaml(tasks, head), source="x").nodes
    assert (a.queue, a.timeout_ms, a.heartbeat_ms, a.priority, a.concurrency) == ("q", 60_000, 5_000, 9, 0)
    assert (b.queue, b.priority, b.retry) == ("own", 0, RetryPolicy(max_attempts=2))
    assert (c.sleep_ms, c.timeout_ms) == (300_000, 0)
    assert d.concurrency == 3


def test_on_off_yes_no_are_words() -> None:
    tasks = "  a: {task: t, retry: {max_attempts: 2, on: [yes, No], off: off}, input: {on: y, off: n, t: true}}\n"
    node = load_graph(yaml(tasks), source="x").node("a")
    assert isinstance(node.retry, RetryPolicy)
    assert (node.retry.on, node.retry.off) == (["yes", "No"], ["off"])
    assert node.input.value == {"on": "y", "off": "n", "t": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2024-01-01", "2024-01-01"),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("12345678901234567890123", 12345678901234567890123),
        ("=", "="),
    ],
)
def test_scalars_are_yaml_1_2(text: str, value: object) -> None:
    node = load_graph(yaml(f"  a: {{task: t, input: {{v: {text} }} }}\n"), source="x").node("a")
    assert node.input.value == {"v": value}


def test_aliases_unfold() -> None:
    tasks = "  a: {task: t, retry: &r {max_attempts: 2}}\n  b: {task: t, retry: *r}\n"
    a, b = load_graph(yaml(tasks), source="x").nodes
    assert a.retry == b.retry


def test_expressions_in_block_scalars() -> None:
    tasks = "  a:\n    task: t\n    when: |\n      {%\n        $input.n > 1\n      %}\n"
    assert isinstance(load_graph(yaml(tasks), source="x").node("a").when, Expression)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("1.5s", 1_500),
        ("0s", 0),
    ],
)
def test_durations(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "value", ["5", "m", "", "5 m", "1m1h", "1m1m", "-5m", "5M", "5min", "4000d", 5, None, True, "\uff11s"]
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="Expected a duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        ({"schedule": ["5m", "10m"]}, RetryPolicy(max_attempts=3, schedule=[300_000, 600_000])),
        ({"max_attempts": 4}, RetryPolicy(max_attempts=4)),
        (
            {"max_attempts": 4, "interval": "1s", "backoff": 3, "max_interval": "1m", "jitter": 0.1},
            RetryPolicy(max_attempts=4, interval_ms=1_000, backoff=3.0, max_interval_ms=60_000, jitter=0.1),
        ),
        ({"max_attempts": 2, "on": "ValueError"}, RetryPolicy(max_attempts=2, on=["ValueError"])),
        ({"schedule": ["1s"], "off": ["A", "B"]}, RetryPolicy(max_attempts=2, schedule=[1_000], off=["A", "B"])),
    ],
)
def test_retries(value: object, policy: RetryPolicy) -> None:
    assert parse_retry(value) == policy


@pytest.mark.parametrize(
    "value",
    [
        3,
        [],
        {},
        {"schedule": []},
        {"schedule": [5]},
        {"schedule": ["5m"], "max_attempts": 3},
        {"max_attempts": 0},
        {"max_attempts": True},
        {"max_attempts": 2, "backoff": 0.5},
        {"max_attempts": 2, "jitter": 2},
        {"max_attempts": 2, "on": []},
        {"max_attempts": 2, "on": [1]},
        {"max_attempts": 2, "delay": "1s"},
    ],
)
def test_what_is_no_retry(value: object) -> None:
    with pytest.raises(ValueError, match="Expected"):
        parse_retry(value)


def test_a_document_of_values_loads_like_its_text() -> None:
    assert problems({"name": "w", "tasks": {"a": {"task": "t"}}}) == ()
    assert problems('{"name": "w", "tasks": {"a": {"task": "t"}}}') == ()
